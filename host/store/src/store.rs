//! The store, as the rest of the host holds it.

use std::sync::Arc;

use codex_manager_model::{Epoch, Seq};
use tokio::sync::{oneshot, watch};

use crate::database::Database;
use crate::readers::Readers;
use crate::writer::{Asked, Handle, Message};
use crate::{Error, Stats, Tx, View, operation};

/// An open store. Clones are the same store; when the last is dropped, what waits is still written.
#[derive(Clone)]
pub struct Store {
    writer: Arc<Handle>,
    readers: Arc<Readers>,
}

impl Store {
    pub(crate) fn new(writer: Handle, readers: Arc<Readers>) -> Self {
        Self { writer: Arc::new(writer), readers }
    }

    /// Changes something: runs `work` on the writer's thread, in a savepoint of its current transaction, and answers
    /// once that transaction is on the disk. When the queue is full it waits. A caller that stops waiting undoes
    /// nothing.
    ///
    /// # Errors
    ///
    /// What `work` says: then `work` alone is rolled back. Or an [`Error`] of the store, after which nothing of the
    /// transaction was applied. [`Error::Panicked`] if `work` panicked, which too concerns `work` alone.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (operation, answer) = operation::pack(work);
        self.writer.inbox.send(Message::Operation(operation)).await.map_err(|_| Error::Closed)?;
        answer.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    /// Looks at something: runs `work` on the store as it is committed at one moment, off the async threads.
    ///
    /// # Errors
    ///
    /// What `work` says, or an [`Error`] of the store.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&View<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.readers.read(work).await
    }

    /// Folds the write-ahead log into the database and empties it, so that nothing that was erased is left in it. `false`
    /// when somebody reads what is in it for too long; then it is to be asked for again.
    ///
    /// # Errors
    ///
    /// When the disk fails, or the store is closed.
    pub async fn scrub(&self) -> Result<bool, Error> {
        self.ask(Message::Scrub).await
    }

    /// Writes the file anew if something was erased since that was done last, so that nothing of it is left between rows
    /// either. Writers wait meanwhile, and the disk needs room for as much again.
    ///
    /// # Errors
    ///
    /// When the disk fails or is full, or the store is closed; then it is to be asked for again.
    pub async fn compact(&self) -> Result<(), Error> {
        self.ask(Message::Compact).await
    }

    async fn ask<T>(&self, message: impl FnOnce(Asked<T>) -> Message) -> Result<T, Error> {
        let (asked, answer) = oneshot::channel();
        self.writer.inbox.send(message(asked)).await.map_err(|_| Error::Closed)?;
        answer.await.unwrap_or(Err(Error::Closed))
    }

    /// "The log grew to 4711": told after the commit and before its writers are answered. It closes when the store
    /// has closed.
    pub fn head(&self) -> watch::Receiver<Seq> {
        self.writer.head.clone()
    }

    /// The lineage of the event log, from the day the file was made.
    pub fn epoch(&self) -> &Epoch {
        &self.writer.epoch
    }

    /// What was done since the store was opened.
    pub fn stats(&self) -> Stats {
        let inbox = &self.writer.inbox;
        self.writer.counters.read(inbox.max_capacity() - inbox.capacity())
    }

    /// The file, from which further connections are made.
    pub(crate) fn database(&self) -> &Arc<Database> {
        self.readers.database()
    }

    /// Takes nothing more, writes what waits, folds the write-ahead log into the database, and returns once the files
    /// are closed. Other clones then answer [`Error::Closed`].
    pub async fn close(self) {
        self.readers.close().await;
        // An error says that the writer has been told before.
        drop(self.writer.inbox.send(Message::Close).await);
        let mut head = self.head();
        while head.changed().await.is_ok() {}
    }
}
