//! A backup: one file, with the database as it is committed at one moment and, beside its tables, what else belongs to it.
//!
//! It is made while the store is at work. What a restored store begins is a log of another lineage: places in the old log
//! that somebody kept are refused by it instead of being taken for its own.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codex_manager_model::Epoch;
use rusqlite::{Connection, OpenFlags, params};
use tokio::task::spawn_blocking;

use crate::database::Database;
use crate::schema::{Alteration, Schema};
use crate::{Error, OpenError, Store, folder};

/// What only a backup has.
const FILES_TABLE: &str = "CREATE TABLE backup_files (path TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT";

/// A file that is kept with the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFile {
    /// Where it lies below whatever its keeper has for it.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Why a backup was not restored. Nothing was changed but the folder that it was to be restored into.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It cannot be read.
    #[error("cannot read the backup {}", path.display())]
    Unreadable {
        /// The backup.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Its copy cannot be written.
    #[error("cannot copy {} to {}", from.display(), to.display())]
    Copy {
        /// The backup.
        from: PathBuf,
        /// The copy.
        to: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is a database of ours, and none that was made as a backup.
    #[error("{} is not a backup of codex-manager; make one with `codex-manager backup`", path.display())]
    NotABackup {
        /// The file.
        path: PathBuf,
    },
    /// It is a backup that somebody has changed: what is in it beside rows is not as we make it.
    #[error("{} cannot be restored: {what}; restore a backup that nobody has changed", path.display())]
    Altered {
        /// The backup.
        path: PathBuf,
        /// In what it is not ours.
        what: Alteration,
    },
    /// Its copy is no database of ours, of a newer version, or damaged.
    #[error("{} cannot be restored: {}", path.display(), words(why))]
    Unfit {
        /// The backup.
        path: PathBuf,
        /// What is wrong with its copy, which is gone by the time that anybody reads this.
        why: OpenError,
    },
}

impl Store {
    /// Writes a backup to `to`, which must not be there, for its owner alone, with `files` in it.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] when the disk is, and [`Error::Io`] when the file cannot be made. What was begun is removed.
    pub async fn back_up(&self, to: PathBuf, files: Vec<BackupFile>) -> Result<(), Error> {
        let database = Arc::clone(self.database());
        let written = spawn_blocking(move || {
            // SQLite would make it for everybody to read. One that is empty it takes.
            let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&to);
            let file = made.map_err(|error| Error::Io(Arc::new(error)))?;
            let written = write(&database, &to, &files)
                .and_then(|()| file.sync_all().map_err(|error| Error::Io(Arc::new(error))));
            if written.is_err() {
                // What cannot be removed either is for whoever mends the disk.
                let _ = fs::remove_file(&to);
            }
            written
        });
        written.await.unwrap_or(Err(Error::Panicked))
    }
}

fn write(database: &Database, to: &Path, files: &[BackupFile]) -> Result<(), Error> {
    let reader = database.reader().map_err(Error::of)?;
    reader.execute("VACUUM INTO ?1", [to.to_string_lossy()]).map_err(Error::of)?;
    let mut backup = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(Error::of)?;
    add(&mut backup, files).map_err(Error::of)?;
    backup.close().map_err(|(_, error)| Error::of(error))
}

fn add(backup: &mut Connection, files: &[BackupFile]) -> rusqlite::Result<()> {
    let tx = backup.transaction()?;
    tx.execute(FILES_TABLE, [])?;
    for file in files {
        tx.execute("INSERT INTO backup_files VALUES (?1, ?2)", params![file.path, file.bytes])?;
    }
    tx.commit()
}

/// Makes, in `folder`, the store that `backup` holds, in a new lineage of the log; gives the files that are kept with it.
/// The folder is made if it is missing, and must have no store. Blocks.
///
/// # Errors
///
/// [`RestoreError`], above all for what is no backup, damaged, or of a newer version.
pub fn restore(backup: &Path, folder: &Path) -> Result<Vec<BackupFile>, RestoreError> {
    let mut file = open(backup).map_err(|source| RestoreError::Unreadable { path: backup.to_owned(), source })?;
    let unfit = |why| RestoreError::Unfit { path: backup.to_owned(), why };
    let to = folder::prepare(folder).map_err(unfit)?;
    copy(&mut file, &to).map_err(|source| RestoreError::Copy { from: backup.to_owned(), to: to.clone(), source })?;
    // The copy is looked at and not the original, which SQLite might write to.
    folder::check(folder).map_err(unfit)?;
    let database = Database::new(to, None);
    database.check_identity().map_err(unfit)?;
    let damaged = |error| unfit(database.failed(error));
    let connection = database.writer().map_err(damaged)?;
    if !is_backup(&connection).map_err(damaged)? {
        return Err(RestoreError::NotABackup { path: backup.to_owned() });
    }
    check_pages(&connection).map_err(damaged)?;
    // Nothing is written before this, because a trigger would have its part in it.
    let expected = database.schema_expected(FILES_TABLE).map_err(unfit)?;
    if let Some(what) = alteration(&connection, &expected).map_err(damaged)? {
        return Err(RestoreError::Altered { path: backup.to_owned(), what });
    }
    let files = take(&connection).map_err(damaged)?;
    connection.close().map_err(|(_, error)| damaged(error))?;
    Ok(files)
}

/// What is wrong with the backup, of which the copy is told.
fn words(why: &OpenError) -> String {
    match why {
        OpenError::NotADatabase { .. } => "it is no backup of codex-manager".to_owned(),
        OpenError::Newer { found, known, .. } => {
            format!("it was made by a newer version (schema {found}, this one knows {known}), which can restore it")
        }
        OpenError::Damaged { source, .. } => format!("it is damaged: {source}"),
        other => other.to_string(),
    }
}

fn open(backup: &Path) -> io::Result<File> {
    // A pipe would have us wait for its writer.
    match fs::metadata(backup)?.is_file() {
        true => File::open(backup),
        false => Err(io::Error::other("it is not a file")),
    }
}

fn copy(from: &mut File, to: &Path) -> io::Result<()> {
    let mut copy = OpenOptions::new().write(true).open(to)?;
    io::copy(from, &mut copy)?;
    copy.sync_all()
}

fn is_backup(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'backup_files'", [], |row| {
        row.get::<_, u32>(0).map(|tables| tables == 1)
    })
}

fn check_pages(connection: &Connection) -> rusqlite::Result<()> {
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        let damaged = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        return Err(rusqlite::Error::SqliteFailure(damaged, Some(found)));
    }
    Ok(())
}

fn alteration(connection: &Connection, expected: &Schema) -> rusqlite::Result<Option<Alteration>> {
    if let Some(what) = Schema::of(connection)?.alteration(expected) {
        return Ok(Some(what));
    }
    let rows = connection.query_row("SELECT count(*) FROM log", [], |row| row.get(0))?;
    Ok((rows != 1).then_some(Alteration::Log { rows }))
}

/// What is named there is loaded as machine code, and a backup is a file from anywhere. An older one has no such table.
fn forget_code(tx: &Connection) -> rusqlite::Result<()> {
    let tables = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'compiled_code'";
    match tx.query_row(tables, [], |row| row.get::<_, u32>(0))? {
        0 => Ok(()),
        _ => tx.execute("DELETE FROM compiled_code", []).map(drop),
    }
}

/// Begins the new lineage, and takes the files out.
fn take(connection: &Connection) -> rusqlite::Result<Vec<BackupFile>> {
    let mut rows = connection.prepare("SELECT path, bytes FROM backup_files ORDER BY path")?;
    let read = rows.query_map([], |row| Ok(BackupFile { path: row.get(0)?, bytes: row.get(1)? }))?;
    let files = read.collect::<rusqlite::Result<_>>()?;
    let tx = connection.unchecked_transaction()?;
    tx.execute("DROP TABLE backup_files", [])?;
    tx.execute("UPDATE log SET epoch = ?1", [Epoch::fresh().as_str()])?;
    forget_code(&tx)?;
    tx.commit()?;
    Ok(files)
}
