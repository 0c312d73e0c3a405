//! The token file: the one place where a secret lies in the clear, for its owner's eyes only.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use super::Secret;
use crate::paths::DataFolder;
use crate::replace::replace;

/// More than any secret of ours has. A longer file holds something else.
const BYTES_MAX: u64 = 1024;

/// The secret in the file; `None` when there is none in it: no file, a link, a pipe, or far too much. Whoever may read
/// it besides its owner is shut out. A folder is an error, since no file could be put in its place.
pub(super) async fn read(folder: &DataFolder) -> io::Result<Option<String>> {
    let path = folder.token();
    blocking(move || read_now(&path)).await
}

/// Puts the secret in the file: whole or not at all, and on the disk when this returns.
pub(super) async fn write(folder: &DataFolder, secret: Secret) -> io::Result<()> {
    let path = folder.token();
    blocking(move || replace(&path, secret.expose())).await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|failed| Err(io::Error::other(failed)))
}

fn read_now(path: &Path) -> io::Result<Option<String>> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(found) if found.is_dir() => return Err(io::Error::new(ErrorKind::IsADirectory, "it is a folder")),
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    // What was looked at may be another thing by now: then it is not followed and not waited for.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    let fits = bytes.len() as u64 <= BYTES_MAX;
    Ok(fits.then(|| String::from_utf8_lossy(&bytes).trim().to_owned()))
}
