//! What can go wrong while the store is open.

use std::sync::Arc;

use rusqlite::ErrorCode;

/// What went wrong underneath. Shared, because one failed commit is told to everybody who had a part in it.
type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Why a read or a write failed. Whichever it is, nothing of that write was applied.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The disk is full, or the store has reached its `size_bytes_max`. Operations that shared the transaction fail
    /// with it. Once there is room, the next write works.
    #[error("the disk, or the store's share of it, is full")]
    Full,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The disk did not do what it was asked. The next write begins with a fresh connection.
    #[error("the database file could not be read or written")]
    Io(#[source] Cause),
    /// SQLite refused a statement: a constraint, or a lock held by a foreign program.
    #[error("the database refused a statement")]
    Sqlite(#[source] Cause),
    /// What is stored cannot be understood.
    #[error("the database holds something that cannot be read")]
    Corrupt {
        /// What SQLite, or the reading of one column, said of it.
        #[source]
        source: Cause,
    },
    /// The closure that was handed over panicked.
    #[error("an operation on the store panicked")]
    Panicked,
}

impl Error {
    /// The store's word for an error of SQLite.
    pub(crate) fn of(error: rusqlite::Error) -> Self {
        let cause = || Arc::new(Told(error.to_string()));
        match (&error, error.sqlite_error_code()) {
            (_, Some(ErrorCode::DiskFull)) => Self::Full,
            (_, Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen)) => Self::Io(cause()),
            (_, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
            | (rusqlite::Error::FromSqlConversionFailure(..), None)
            | (rusqlite::Error::InvalidColumnType(..), None)
            | (rusqlite::Error::IntegralValueOutOfRange(..), None) => Self::Corrupt { source: cause() },
            _ => Self::Sqlite(cause()),
        }
    }
}

/// What SQLite said. Its own errors say it, and then name a source that says it again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Told(String);
