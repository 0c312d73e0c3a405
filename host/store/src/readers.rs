//! A few connections that only read, lent out one closure at a time.

use std::sync::{Arc, Mutex, PoisonError};

use codex_manager_model::limits::STORE_READERS_MAX;
use rusqlite::Connection;
use tokio::sync::Semaphore;
use tokio::task;

use crate::database::Database;
use crate::{Error, View};

/// The pool. A connection is opened when it is first needed, and kept.
pub(crate) struct Readers {
    database: Arc<Database>,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(crate) fn new(database: Arc<Database>) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(STORE_READERS_MAX));
        Arc::new(Self { database, permits, idle: Mutex::default() })
    }

    pub(crate) fn database(&self) -> &Arc<Database> {
        &self.database
    }

    /// Runs `work` on a thread that may block, on the store as it is at one moment.
    pub(crate) async fn read<T, E, F>(self: &Arc<Self>, work: F) -> Result<T, E>
    where
        F: FnOnce(&View<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::Closed)?;
        let readers = Arc::clone(self);
        let reading = task::spawn_blocking(move || {
            let connection = readers.lend()?;
            let result = look(&connection, work);
            readers.take_back(connection);
            drop(permit);
            result
        });
        reading
            .await
            .unwrap_or_else(|failed| Err(if failed.is_panic() { Error::Panicked.into() } else { Error::Closed.into() }))
    }

    /// Waits for the readers at work, lets go of all connections and lends no more.
    pub(crate) async fn close(&self) {
        let everybody = u32::try_from(STORE_READERS_MAX).expect("a handful of readers");
        // An error says that it was closed before.
        let _all = self.permits.acquire_many(everybody).await;
        self.permits.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn lend(&self) -> Result<Connection, Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| self.database.reader().map_err(Error::of), Ok)
    }

    /// One that is stuck in its transaction is not lent again.
    fn take_back(&self, connection: Connection) {
        if connection.is_autocommit() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}

/// One transaction around the closure, so that all its queries see the same moment.
fn look<T, E: From<Error>>(connection: &Connection, work: impl FnOnce(&View<'_>) -> Result<T, E>) -> Result<T, E> {
    let moment = connection.unchecked_transaction().map_err(Error::of)?;
    let result = work(&View::new(&moment));
    moment.finish().map_err(Error::of)?;
    result
}
