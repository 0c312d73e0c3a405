//! Restoring a backup, while no daemon runs: the store and the approved extensions that it holds take the place of what is
//! there, which is kept aside.
//!
//! Time has gone on since the backup was made, and what must not come back with it does not: a token that may have been
//! revoked since, a request that may have been sent since, a session that was deleted since. The log that goes on is
//! another one, so that places in the old one are not taken for places in it.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use codex_manager_model::{Actor, OperationState, Session, Tombstone};
use codex_manager_store::{self as store, BackupFile, Config, LockHolder, OpenError, SessionQuery, Store, Tx, View};
use jiff::Timestamp;

use crate::StartError;
use crate::claim::Claim;
use crate::deletion::erase_in;
use crate::paths::Paths;

/// What says which extensions may run, in their folder.
pub(crate) const EXTENSIONS_LOCK: &str = "extensions.lock";
/// Where their copies lie there.
pub(crate) const APPROVED: &str = "approved";

/// Where a store is made before it takes its place.
const STAGING: &str = "restoring";
/// What a restored store takes the place of: the database with what SQLite keeps beside it, and what belongs to it.
const REPLACED: [&str; 5] = ["store.sqlite3", "store.sqlite3-wal", "store.sqlite3-shm", "extensions", "token"];

/// What was done.
#[derive(Debug)]
pub(crate) struct Restored {
    /// Where what was there is kept, if anything was.
    pub(crate) previous: Option<PathBuf>,
    /// What came back.
    pub(crate) returned: Returned,
    /// The sessions that were made since the backup, which the store that goes on knows nothing of.
    pub(crate) dropped: Vec<Session>,
    /// How many sessions of the backup had been deleted since, and stay so.
    pub(crate) still_deleted: usize,
    /// Why it is not known which were made and deleted since, if it is not.
    pub(crate) unknown: Option<OpenError>,
}

/// How much came back with a backup.
#[derive(Debug, Default)]
pub(crate) struct Returned {
    pub(crate) sessions: usize,
    pub(crate) projects: usize,
    /// Extensions that are approved.
    pub(crate) extensions: usize,
    /// Tokens that were valid when it was made, and are no more.
    pub(crate) tokens: usize,
}

/// What the store that is there knows and its successor has to.
#[derive(Default)]
struct Present {
    tombstones: Vec<Tombstone>,
    sessions: Vec<Session>,
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    /// The data folder is somebody else's, or a daemon works on it.
    #[error("the data folder cannot be taken")]
    Claim(#[from] StartError),
    /// The backup will not do.
    #[error("nothing was restored")]
    Backup(#[from] store::RestoreError),
    /// The store in it cannot be brought up to date.
    #[error("the store in the backup cannot be opened; nothing was restored")]
    Store(#[source] OpenError),
    /// The store in it cannot be changed.
    #[error("the store in the backup cannot be made ready; nothing was restored")]
    Ready(#[source] store::Error),
    /// A file in it would lie elsewhere than where it belongs.
    #[error("the backup holds {path:?}, which is no file of an extension; nothing was restored")]
    Foreign {
        /// The file's name.
        path: String,
    },
    /// A file or folder cannot be made or moved.
    #[error("cannot write {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Puts what `backup` holds in the place of what is in the data folder.
pub(crate) async fn restore(paths: &Paths, backup: &Path, now: Timestamp) -> Result<Restored, RestoreError> {
    let _lock = Claim::on(paths).take_data(&LockHolder { pid: std::process::id(), address: None })?;
    let staging = paths.data.path().join(STAGING);
    clear(&staging)?;
    let restored = replace_by(paths.data.path(), &staging, backup, now).await;
    // Whatever came of it, what is left there is of no use to anybody.
    let cleared = clear(&staging);
    restored.and_then(|restored| cleared.map(|()| restored))
}

async fn replace_by(data: &Path, staging: &Path, backup: &Path, now: Timestamp) -> Result<Restored, RestoreError> {
    let files = store::restore(backup, staging)?;
    for file in &files {
        put(&staging.join("extensions"), file)?;
    }
    let (present, unknown) = match present(data).await {
        Ok(present) => (present, None),
        Err(error) => (Present::default(), Some(error)),
    };
    let opened = Config { folder: staging.to_owned(), size_bytes_max: None }.open().map_err(RestoreError::Store)?;
    let settled = opened.write(move |tx| settle(tx, present, now)).await.map_err(RestoreError::Ready)?;
    opened.close().await;
    let previous = put_aside(data, now)?;
    for name in ["extensions", "store.sqlite3"] {
        move_to(&staging.join(name), &data.join(name))?;
    }
    sync(data)?;
    let returned = Returned { extensions: approved(&files), ..settled.returned };
    Ok(Restored { previous, returned, dropped: settled.dropped, still_deleted: settled.still_deleted, unknown })
}

/// What is in the store that is there, as far as there is one that can be read.
async fn present(data: &Path) -> Result<Present, OpenError> {
    let config = Config { folder: data.to_owned(), size_bytes_max: None };
    let path = config.file();
    if !path.exists() {
        return Ok(Present::default());
    }
    let present: Store = config.open()?;
    let read = present.read(|view| Ok(Present { tombstones: view.tombstones()?, sessions: sessions(view)? })).await;
    present.close().await;
    read.map_err(|source| OpenError::Database { path, source })
}

/// What was made ready.
struct Settled {
    returned: Returned,
    dropped: Vec<Session>,
    still_deleted: usize,
}

/// Makes the store one that may go on.
fn settle(tx: &Tx<'_>, present: Present, now: Timestamp) -> Result<Settled, store::Error> {
    let mut tokens = 0;
    for token in tx.tokens()? {
        tokens += usize::from(tx.revoke_token(&token.id, now)?);
    }
    let mut still_deleted = 0;
    for tombstone in present.tombstones {
        match tx.session(&tombstone.session)? {
            Some(session) => {
                erase_in(tx, &session, Actor::Host, now)?;
                still_deleted += 1;
            }
            None if tx.tombstone(&tombstone.session)?.is_none() => tx.put_tombstone(&tombstone)?,
            None => {}
        }
    }
    // The next start treats it as what it is: something that may have been written, and is not written again.
    for operation in tx.operations_in(OperationState::Recorded)? {
        tx.set_operation_state(&operation.id, &[OperationState::Recorded], OperationState::Sending, None, None, now)?;
    }
    let (mut dropped, returned) = (present.sessions, sessions(tx)?);
    let known: HashSet<_> = returned.iter().map(|session| &session.id).collect();
    dropped.retain(|session| !known.contains(&session.id));
    let returned = Returned { sessions: returned.len(), projects: tx.projects()?.len(), tokens, ..Returned::default() };
    Ok(Settled { returned, dropped, still_deleted })
}

/// All that are people's.
fn sessions(view: &View<'_>) -> Result<Vec<Session>, store::Error> {
    let all = |archived| view.sessions(&SessionQuery { archived, workers: false, limit: u32::MAX, after: None });
    Ok([all(false)?, all(true)?].concat())
}

/// How many extensions the files are of.
fn approved(files: &[BackupFile]) -> usize {
    let copies = files.iter().filter_map(|file| Path::new(&file.path).strip_prefix(APPROVED).ok()?.parent());
    copies.collect::<HashSet<_>>().len()
}

/// Moves what is there into a folder of its own.
fn put_aside(data: &Path, now: Timestamp) -> Result<Option<PathBuf>, RestoreError> {
    let there: Vec<_> = REPLACED.iter().filter(|name| data.join(name).symlink_metadata().is_ok()).collect();
    if there.is_empty() {
        return Ok(None);
    }
    let folder = data.join(format!("previous-{}", now.strftime("%Y%m%dT%H%M%S%3fZ")));
    DirBuilder::new().mode(0o700).create(&folder).map_err(failed(&folder))?;
    for name in there {
        move_to(&data.join(name), &folder.join(name))?;
    }
    sync(&folder)?;
    Ok(Some(folder))
}

fn move_to(from: &Path, to: &Path) -> Result<(), RestoreError> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        moved => moved.map_err(failed(to)),
    }
}

/// Writes a file of an extension, which lies nowhere else than where such files lie.
fn put(folder: &Path, file: &BackupFile) -> Result<(), RestoreError> {
    let name = Path::new(&file.path);
    let parts: Vec<_> = name.components().collect();
    let is_plain = parts.iter().all(|part| matches!(part, Component::Normal(_)));
    let is_ours = match parts.as_slice() {
        [Component::Normal(lock)] => *lock == OsStr::new(EXTENSIONS_LOCK),
        [Component::Normal(copies), _, _] => *copies == OsStr::new(APPROVED),
        _ => false,
    };
    if !(is_plain && is_ours) {
        return Err(RestoreError::Foreign { path: file.path.clone() });
    }
    let path = folder.join(name);
    let parent = path.parent().unwrap_or(folder);
    DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(failed(parent))?;
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let written = made.and_then(|mut made| made.write_all(&file.bytes).and_then(|()| made.sync_all()));
    written.map_err(failed(&path))
}

fn clear(folder: &Path) -> Result<(), RestoreError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        cleared => cleared.map_err(failed(folder)),
    }
}

fn sync(folder: &Path) -> Result<(), RestoreError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> RestoreError {
    |source| RestoreError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_would_lie_elsewhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (path, fits) in [
            ("extensions.lock", true),
            ("approved/ab/component.wasm", true),
            ("../token", false),
            ("approved/../../token", false),
            ("/etc/passwd", false),
            ("approved/component.wasm", false),
            ("compiled/x", false),
            ("", false),
        ] {
            let put = put(folder.path(), &BackupFile { path: path.to_owned(), bytes: vec![1] });
            assert_eq!(put.is_ok(), fits, "{path}");
        }
    }
}
