//! The database file as SQLite sees it: identity, schema, and how a connection to it is set up.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use codex_manager_model::Epoch;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rusqlite_migration::{M, Migrations};

use crate::schema::Schema;
use crate::{Error, OpenError};

/// Every schema there ever was, in order. What has been released is never changed, only added to.
const MIGRATIONS: &[M<'_>] = &[
    M::up(include_str!("../migrations/1-foundation.sql")),
    M::up(include_str!("../migrations/2-extensions.sql")),
    M::up(include_str!("../migrations/3-sessions.sql")),
    M::up(include_str!("../migrations/4-interactions.sql")),
    M::up(include_str!("../migrations/5-deletions.sql")),
    M::up(include_str!("../migrations/6-stream.sql")),
    M::up(include_str!("../migrations/7-keys.sql")),
    M::up(include_str!("../migrations/8-audit.sql")),
    M::up(include_str!("../migrations/9-suggestions.sql")),
    M::up(include_str!("../migrations/10-interactions-kept.sql")),
    M::up(include_str!("../migrations/11-erased.sql")),
    M::up(include_str!("../migrations/12-compiled-code.sql")),
];
/// "CMGR", written into the file by the first migration.
const APPLICATION_ID: i64 = 0x434d_4752;

/// Older ones can corrupt a database in WAL mode when two connections meet at the wrong moment.
const SQLITE_NEEDED: (i32, &str) = (3_051_003, "3.51.3");

/// A foreign program (a backup, a curious person) may hold the lock for a moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// More than there are different statements on the busy paths.
const STATEMENTS_MAX: usize = 64;
/// What remains of the write-ahead log's file after a checkpoint.
const WAL_BYTES_KEPT: i64 = 16 * 1024 * 1024;
const WRITER_CACHE_KIB: i64 = 2048;
const READER_CACHE_KIB: i64 = 512;

/// The version of the SQLite that this program is linked with.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// The database file, from which connections are made.
#[derive(Debug)]
pub(crate) struct Database {
    path: PathBuf,
    size_bytes_max: Option<u64>,
}

impl Database {
    pub(crate) fn new(path: PathBuf, size_bytes_max: Option<u64>) -> Self {
        Self { path, size_bytes_max }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The first connection: it checks what the file is before it changes it, then brings the schema up to date.
    pub(crate) fn prepare(&self) -> Result<Connection, OpenError> {
        check_version(rusqlite::version_number())?;
        self.check_identity()?;
        let mut connection = self.writer().map_err(|error| self.failed(error))?;
        Migrations::from_slice(MIGRATIONS).to_latest(&mut connection).map_err(|error| self.not_migrated(error))?;
        connection
            .execute("INSERT OR IGNORE INTO log VALUES (1, ?1, 0, 0, 0)", [Epoch::fresh().as_str()])
            .map_err(|error| self.failed(error))?;
        Ok(connection)
    }

    /// A connection that may write. There is one at a time, and the writer's thread owns it.
    pub(crate) fn writer(&self) -> rusqlite::Result<Connection> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE, WRITER_CACHE_KIB)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // What was deleted is not to be read from the file.
        connection.pragma_update_and_check(None, "secure_delete", "ON", |_| Ok(()))?;
        connection.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES_KEPT, |_| Ok(()))?;
        if let Some(bytes) = self.size_bytes_max {
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            let page_bytes: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
            connection.pragma_update_and_check(None, "max_page_count", (bytes / page_bytes).max(1), |_| Ok(()))?;
        }
        Ok(connection)
    }

    /// A connection that cannot write.
    pub(crate) fn reader(&self) -> rusqlite::Result<Connection> {
        self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY, READER_CACHE_KIB)
    }

    fn connect(&self, mode: OpenFlags, cache_kib: i64) -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(&self.path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "cache_size", -cache_kib)?;
        Ok(connection)
    }

    /// Refuses what is not ours and what is too new. A file of no bytes is a database that has yet to begin.
    pub(crate) fn check_identity(&self) -> Result<(), OpenError> {
        let (application, found, tables) = self.identity().map_err(|error| self.failed(error))?;
        let known = MIGRATIONS.len() as u32;
        match application {
            APPLICATION_ID if found > known => Err(OpenError::Newer { path: self.path.clone(), found, known }),
            APPLICATION_ID => Ok(()),
            0 if tables == 0 => Ok(()),
            _ => Err(OpenError::NotADatabase { path: self.path.clone() }),
        }
    }

    /// Whether the schema is the newest there is.
    pub(crate) fn is_current(&self) -> Result<bool, OpenError> {
        self.check_identity()?;
        let (_, found, _) = self.identity().map_err(|error| self.failed(error))?;
        Ok(found == MIGRATIONS.len() as u32)
    }

    /// The schema that a database of the file's version has when it is made by nobody but us, with what `beside` makes.
    pub(crate) fn schema_expected(&self, beside: &str) -> Result<Schema, OpenError> {
        let (_, version, _) = self.identity().map_err(|error| self.failed(error))?;
        let mut fresh = Connection::open_in_memory().map_err(|error| self.failed(error))?;
        let migrated = Migrations::from_slice(MIGRATIONS).to_version(&mut fresh, version as usize);
        migrated.map_err(|error| self.not_migrated(error))?;
        fresh.execute_batch(beside).and_then(|()| Schema::of(&fresh)).map_err(|error| self.failed(error))
    }

    fn identity(&self) -> rusqlite::Result<(i64, u32, u32)> {
        // Writable, because a write-ahead log that was left behind is read into place by whoever comes first.
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE, READER_CACHE_KIB)?;
        Ok((
            connection.pragma_query_value(None, "application_id", |row| row.get(0))?,
            connection.pragma_query_value(None, "user_version", |row| row.get(0))?,
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?,
        ))
    }

    fn not_migrated(&self, error: rusqlite_migration::Error) -> OpenError {
        match error {
            rusqlite_migration::Error::RusqliteError { err, .. } => self.failed(err),
            other => OpenError::Database { path: self.path.clone(), source: Error::Sqlite(Arc::new(other)) },
        }
    }

    pub(crate) fn failed(&self, error: rusqlite::Error) -> OpenError {
        let path = self.path.clone();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => OpenError::NotADatabase { path },
            Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path, source: Error::of(error) },
            _ => OpenError::Database { path, source: Error::of(error) },
        }
    }
}

fn check_version(linked: i32) -> Result<(), OpenError> {
    let (number, needed) = SQLITE_NEEDED;
    if linked < number { Err(OpenError::SqliteTooOld { found: rusqlite::version(), needed }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_sqlite_that_corrupts_is_refused() {
        assert!(matches!(check_version(3_051_002), Err(OpenError::SqliteTooOld { needed: "3.51.3", .. })));
        assert!(check_version(3_051_003).is_ok());
    }

    /// What a crash of the machine would show, and nothing less than one.
    #[test]
    fn the_writer_syncs_every_commit() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::new(crate::folder::prepare(folder.path()).unwrap(), None);
        let writer = database.writer().unwrap();
        let full: u8 = writer.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        let journal: String = writer.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!((full, journal.as_str()), (2, "wal"));
    }

    #[test]
    fn the_migrations_are_sound() {
        Migrations::from_slice(MIGRATIONS).validate().unwrap();
    }
}
