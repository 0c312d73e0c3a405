//! Putting a small file in place: whole or not at all, for its owner alone, and never through a link.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Puts `line` in the file at `path`, which is on the disk when this returns. What was there before is gone, unless it
/// was a folder.
pub(crate) fn replace(path: &Path, line: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    remove(&draft)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    writeln!(file, "{line}")?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Clears away what a crash may have left, or what somebody has put there for us to write through.
fn remove(draft: &Path) -> io::Result<()> {
    match fs::remove_file(draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn links_in_its_way_are_replaced_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, precious) = (folder.path().join("address"), folder.path().join("precious"));
        fs::write(&precious, "theirs").unwrap();
        symlink(&precious, folder.path().join("address.new")).unwrap();
        symlink(&precious, &path).unwrap();
        replace(&path, "127.0.0.1:1").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "127.0.0.1:1\n");
        assert_eq!(fs::read_to_string(&precious).unwrap(), "theirs");
        let found = fs::symlink_metadata(&path).unwrap();
        assert!(found.is_file() && found.permissions().mode() & 0o777 == 0o600);
    }

    #[test]
    fn a_folder_in_its_place_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("address");
        fs::create_dir(&path).unwrap();
        assert_eq!(replace(&path, "x").unwrap_err().kind(), ErrorKind::IsADirectory);
    }
}
