//! A lock that one daemon holds, on its data folder or on the `CODEX_HOME` of its child.
//!
//! The system holds it for as long as the process lives, so a crash leaves none behind. It is the folder itself that is
//! locked: what lies in it can be moved away by whoever may write there. A file in it says who holds the lock, and
//! means nothing when nobody does.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

/// More than a holder ever writes.
const HOLDER_BYTES_MAX: u64 = 4096;

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    /// Its process.
    pub pid: u32,
    /// Where it listens, if it does.
    pub address: Option<String>,
}

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct Lock {
    _folder: File,
    _file: File,
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it.
    #[error("{} is held by another daemon{}", folder.display(), described(.holder.as_ref()))]
    Held {
        /// The folder.
        folder: PathBuf,
        /// Who, if it said so.
        holder: Option<LockHolder>,
    },
    /// What lies where the holder's name is written is a link, a folder, a pipe.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// What is in the way.
        path: PathBuf,
    },
    /// The folder cannot be opened, or nothing can be written in it.
    #[error("{} cannot be locked", path.display())]
    Io {
        /// The folder, or the file in it.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Lock {
    /// Takes the lock on the folder of `path`, and writes `holder` into that file, making it if it is missing.
    ///
    /// # Errors
    ///
    /// [`LockError::Held`], with the holder's name, if it is taken.
    pub fn take(path: impl AsRef<Path>, holder: &LockHolder) -> Result<Self, LockError> {
        let path = path.as_ref();
        let folder = open_folder(path)?;
        granted(folder.try_lock(), path)?;
        let mut file = open_file(path)?;
        // Where the folder is on a network, other machines are told of a locked file and not of a locked folder.
        granted(file.try_lock(), path)?;
        write_holder(&mut file, holder).map_err(failed(path))?;
        Ok(Self { _folder: folder, _file: file })
    }

    /// Whether [`take`](Self::take) would find the lock free. Makes nothing, and keeps nobody from anything for longer
    /// than the look takes.
    ///
    /// # Errors
    ///
    /// Those of `take`.
    pub fn look(path: impl AsRef<Path>) -> Result<(), LockError> {
        let path = path.as_ref();
        if !folder_of(path).is_dir() {
            return Ok(());
        }
        granted(open_folder(path)?.try_lock_shared(), path)?;
        match path.symlink_metadata() {
            Ok(_) => granted(open_existing(path)?.try_lock_shared(), path),
            Err(_) => Ok(()),
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> LockError {
    |source| LockError::Io { path: path.to_owned(), source }
}

fn granted(tried: Result<(), TryLockError>, path: &Path) -> Result<(), LockError> {
    tried.map_err(|refused| match refused {
        TryLockError::WouldBlock => LockError::Held { folder: folder_of(path).to_owned(), holder: read_holder(path) },
        TryLockError::Error(source) => failed(path)(source),
    })
}

fn open_folder(path: &Path) -> Result<File, LockError> {
    let folder = folder_of(path);
    OpenOptions::new().read(true).custom_flags(flags(OFlags::DIRECTORY)).open(folder).map_err(failed(folder))
}

/// Opens the file, or makes it.
fn open_file(path: &Path) -> Result<File, LockError> {
    check_file(path)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(plain_file());
    options.open(path).map_err(failed(path))
}

fn open_existing(path: &Path) -> Result<File, LockError> {
    check_file(path)?;
    OpenOptions::new().read(true).custom_flags(plain_file()).open(path).map_err(failed(path))
}

/// A link could make us write over somebody else's file.
fn check_file(path: &Path) -> Result<(), LockError> {
    match path.symlink_metadata() {
        Ok(found) if !found.is_file() => Err(LockError::NotAFile { path: path.to_owned() }),
        _ => Ok(()),
    }
}

/// What was looked at may be another thing by the time that it is opened: then it is not followed and not waited for.
fn plain_file() -> i32 {
    flags(OFlags::NOFOLLOW | OFlags::NONBLOCK)
}

fn flags(flags: OFlags) -> i32 {
    flags.bits() as i32
}

fn write_holder(file: &mut File, holder: &LockHolder) -> io::Result<()> {
    let mut line = serde_json::to_vec(holder)?;
    line.push(b'\n');
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&line)
}

/// Reads who holds it; `None` if that one has not got round to writing it, or wrote nonsense.
fn read_holder(path: &Path) -> Option<LockHolder> {
    let mut line = Vec::new();
    open_existing(path).ok()?.take(HOLDER_BYTES_MAX).read_to_end(&mut line).ok()?;
    serde_json::from_slice(&line).ok()
}

fn described(holder: Option<&LockHolder>) -> String {
    match holder {
        Some(LockHolder { pid, address: Some(address) }) => format!(" (process {pid}, at {address})"),
        Some(LockHolder { pid, address: None }) => format!(" (process {pid})"),
        None => String::new(),
    }
}
