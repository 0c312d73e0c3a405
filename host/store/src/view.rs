//! What can be read.

use std::cell::OnceCell;

use rusqlite::{Connection, Params, Row};

use crate::Error;
use crate::column::count;

/// The store at one moment. The queries are beside their nouns: `view.session(…)`, `view.events(…)`.
///
/// Each of them fails with an [`Error`] when the database cannot be read, or holds what cannot be understood.
pub struct View<'a> {
    connection: &'a Connection,
    /// Set when SQLite has given up the whole transaction. What came after it would stand alone.
    broken: OnceCell<Error>,
}

impl<'a> View<'a> {
    /// A view of a connection that is inside a transaction.
    pub(crate) fn new(connection: &'a Connection) -> Self {
        Self { connection, broken: OnceCell::new() }
    }

    /// The first row, if there is one.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Error> {
        self.guarded(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(params)?;
            rows.next()?.map(read).transpose()
        })
    }

    /// All rows, in order.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        self.guarded(|connection| connection.prepare_cached(sql)?.query_map(params, read)?.collect())
    }

    /// Shows every row, in order, without gathering them.
    pub(crate) fn each(
        &self,
        sql: &str,
        params: impl Params,
        mut show: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), Error> {
        self.guarded(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(params)?;
            while let Some(row) = rows.next()? {
                show(row)?;
            }
            Ok(())
        })
    }

    /// Rows in order, until they have `bytes_max` together by the column `page_bytes`. The first one comes in any case.
    pub(crate) fn page<T>(
        &self,
        sql: &str,
        params: impl Params,
        bytes_max: usize,
        mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        self.guarded(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let (mut rows, mut page, mut bytes) = (statement.query(params)?, Vec::new(), 0);
            while let Some(row) = rows.next()? {
                bytes += count(row, "page_bytes")?;
                if bytes > bytes_max as u64 && !page.is_empty() {
                    break;
                }
                page.push(read(row)?);
            }
            Ok(page)
        })
    }

    /// Runs a statement; how many rows it changed.
    pub(crate) fn execute(&self, sql: &str, params: impl Params) -> Result<usize, Error> {
        self.guarded(|connection| connection.prepare_cached(sql)?.execute(params))
    }

    /// Why the transaction is gone, if it is.
    pub(crate) fn broken(&self) -> Option<&Error> {
        self.broken.get()
    }

    /// After some failures (a full disk, one of I/O) SQLite rolls the whole transaction back by itself, and the next
    /// statement would commit on its own. So there is no next statement.
    fn guarded<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        if let Some(error) = self.broken() {
            return Err(error.clone());
        }
        work(self.connection).map_err(|error| {
            let error = Error::of(error);
            if self.connection.is_autocommit() {
                self.broken.get_or_init(|| error.clone());
            }
            error
        })
    }
}
