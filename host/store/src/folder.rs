//! The data folder and the database file as the file system sees them: whose they are, who may touch them, and what
//! they are.

use std::fs::{self, DirBuilder, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::OpenError;

const FILE: &str = "store.sqlite3";
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// What is smaller, and not empty, SQLite would take for a new database and write over.
const PAGE_BYTES_MIN: u64 = 512;
const WRITABLE_BY_OTHERS: u32 = 0o022;
const ANYTHING_BY_OTHERS: u32 = 0o077;

/// The database's file in a data folder.
pub(crate) fn file(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// Makes the folder and an empty file where they are missing, checks both where they are not, and gives the file's path.
pub(crate) fn prepare(folder: &Path) -> Result<PathBuf, OpenError> {
    check(folder)?;
    make_folder(folder)?;
    let file = file(folder);
    match fs::symlink_metadata(&file) {
        Ok(found) => make_private(&file, found.mode())?,
        Err(_) => make_file(&file)?,
    }
    // Only now, for a folder that cannot be written is not ours to close: as root that could be anybody's.
    close_folder(folder)?;
    Ok(file)
}

/// Looks at what is there, and changes nothing. What is missing is all right.
pub(crate) fn check(folder: &Path) -> Result<(), OpenError> {
    match fs::symlink_metadata(folder) {
        Ok(found) if found.is_symlink() => return Err(OpenError::ALink { path: folder.into() }),
        Ok(found) if !found.is_dir() => return Err(OpenError::NotAFolder { path: folder.into() }),
        Ok(found) => check_owner(folder, &found)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(unusable(folder, source)),
    }
    let file = file(folder);
    match fs::symlink_metadata(&file) {
        Ok(found) if !found.is_file() => Err(OpenError::NotAFile { path: file }),
        Ok(found) if (1..PAGE_BYTES_MIN).contains(&found.len()) => Err(OpenError::NotADatabase { path: file }),
        Ok(found) => check_owner(&file, &found),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(OpenError::NotWritable { path: file, source }),
    }
}

/// Whoever owns it can change who may write it.
fn check_owner(path: &Path, found: &Metadata) -> Result<(), OpenError> {
    let (owner, user) = (found.uid(), geteuid().as_raw());
    if owner != user {
        return Err(OpenError::Foreign { path: path.into(), owner, user });
    }
    match found.mode() & WRITABLE_BY_OTHERS {
        0 => Ok(()),
        _ => Err(OpenError::Exposed { path: path.into(), mode: found.mode() & 0o777 }),
    }
}

fn make_folder(folder: &Path) -> Result<(), OpenError> {
    let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder);
    made.map_err(|source| unusable(folder, source))
}

/// What lies in it is nobody else's business, however it was made.
fn close_folder(folder: &Path) -> Result<(), OpenError> {
    let mode = fs::symlink_metadata(folder).map_err(|source| unusable(folder, source))?.mode();
    if mode & ANYTHING_BY_OTHERS == 0 {
        return Ok(());
    }
    let closed = fs::set_permissions(folder, Permissions::from_mode(FOLDER_MODE));
    closed.map_err(|source| OpenError::NotWritable { path: folder.into(), source })
}

fn unusable(folder: &Path, source: io::Error) -> OpenError {
    match source.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => OpenError::NotAFolder { path: folder.into() },
        _ => OpenError::NotWritable { path: folder.into(), source },
    }
}

fn make_file(file: &Path) -> Result<(), OpenError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(file);
    made.map(drop).map_err(|source| OpenError::NotWritable { path: file.into(), source })
}

/// SQLite gives the files that it keeps beside the database the database's own mode, so this one decides for all.
fn make_private(file: &Path, mode: u32) -> Result<(), OpenError> {
    let not_writable = |source| OpenError::NotWritable { path: file.into(), source };
    OpenOptions::new().write(true).open(file).map_err(not_writable)?;
    if mode & ANYTHING_BY_OTHERS != 0 {
        fs::set_permissions(file, Permissions::from_mode(FILE_MODE)).map_err(not_writable)?;
    }
    Ok(())
}
