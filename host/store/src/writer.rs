//! The writer: one thread, one connection, one transaction for all that waits.
//!
//! While the disk syncs one transaction, operations gather for the next: the more come at once, the fewer syncs each
//! of them costs. It holds no policy and knows no noun.

use std::sync::Arc;
use std::{io, thread};

use codex_manager_model::limits::{STORE_BATCH_MAX, STORE_QUEUE_MAX};
use codex_manager_model::{Epoch, Seq};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use crate::database::Database;
use crate::operation::Operation;
use crate::stats::Counters;
use crate::{Error, OpenError, Tx, View};

/// What the writer is sent.
pub(crate) enum Message {
    /// Something to do.
    Operation(Box<dyn Operation>),
    /// Fold the write-ahead log away, and say whether nothing of it is left.
    Scrub(Asked<bool>),
    /// Write the file anew if something was erased.
    Compact(Asked<()>),
    /// Take nothing more, finish what waits, and end.
    Close,
}

/// Who waits for something that is no operation.
pub(crate) type Asked<T> = oneshot::Sender<Result<T, Error>>;

/// What came in together.
#[derive(Default)]
struct Batch {
    operations: Vec<Box<dyn Operation>>,
    scrubs: Vec<Asked<bool>>,
    compacts: Vec<Asked<()>>,
}

/// What the writer is reached by.
pub(crate) struct Handle {
    pub(crate) inbox: mpsc::Sender<Message>,
    /// The end of the log. It closes when the writer has ended.
    pub(crate) head: watch::Receiver<Seq>,
    pub(crate) epoch: Epoch,
    pub(crate) counters: Arc<Counters>,
}

/// The writer, before and while it runs.
pub(crate) struct Writer {
    database: Arc<Database>,
    connection: Connection,
    /// The disk has failed this connection; what SQLite believes about the file may be wrong.
    suspect: bool,
    inbox: mpsc::Receiver<Message>,
    head: watch::Sender<Seq>,
    counters: Arc<Counters>,
}

impl Writer {
    /// A writer of this database, and the handle to it.
    pub(crate) fn new(database: Arc<Database>, connection: Connection) -> Result<(Self, Handle), OpenError> {
        let (seq, epoch) = View::new(&connection)
            .log()
            .map_err(|source| OpenError::Database { path: database.path().to_owned(), source })?;
        let (sender, inbox) = mpsc::channel(STORE_QUEUE_MAX);
        let (head, head_seen) = watch::channel(seq);
        let counters = Arc::new(Counters::default());
        let handle = Handle { inbox: sender, head: head_seen, epoch, counters: Arc::clone(&counters) };
        Ok((Self { database, connection, suspect: false, inbox, head, counters }, handle))
    }

    /// Starts the thread. It ends by itself once it is told to close or nobody can reach it.
    pub(crate) fn start(self) -> io::Result<()> {
        thread::Builder::new().name("store-writer".into()).spawn(|| self.run()).map(drop)
    }

    fn run(mut self) {
        while let Some(message) = self.inbox.blocking_recv() {
            let Batch { operations, scrubs, compacts } = self.gather(message);
            self.write(operations);
            self.once_for_all(compacts, compact);
            self.once_for_all(scrubs, fold);
        }
        // A log that could not be folded away is read by the next start.
        if let Err(error) = fold(&self.connection) {
            tracing::warn!(%error, "the write-ahead log was left behind");
        }
    }

    /// Takes what waits by now, up to a bound.
    fn gather(&mut self, first: Message) -> Batch {
        let mut batch = Batch::default();
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Operation(operation) => batch.operations.push(operation),
                Message::Scrub(asked) => batch.scrubs.push(asked),
                Message::Compact(asked) => batch.compacts.push(asked),
                Message::Close => self.inbox.close(),
            }
            next = if batch.operations.len() < STORE_BATCH_MAX { self.inbox.try_recv().ok() } else { None };
        }
        batch
    }

    /// Does something once for all who ask for it.
    fn once_for_all<T: Clone>(&mut self, asked: Vec<Asked<T>>, work: fn(&Connection) -> rusqlite::Result<T>) {
        if asked.is_empty() {
            return;
        }
        let done = self.renew().and_then(|()| work(&self.connection).map_err(Error::of));
        for asked in asked {
            // Nobody may be waiting any more.
            drop(asked.send(done.clone()));
        }
    }

    /// Writes a batch, tells the new head, and then answers: whoever has an answer finds the head already there.
    fn write(&mut self, mut batch: Vec<Box<dyn Operation>>) {
        if batch.is_empty() {
            return;
        }
        let before = *self.head.borrow();
        let outcome = self.renew().and_then(|()| transact(&self.connection, &mut batch));
        let committed = match outcome {
            Ok((head, kept)) => {
                self.counters.committed(kept, head.0 - before.0);
                if kept > 0 {
                    self.counters.refused(false);
                }
                self.head.send_if_modified(|seen| std::mem::replace(seen, head) != head);
                Ok(())
            }
            Err(error) => {
                self.counters.refused(matches!(error, Error::Full | Error::Io(_)));
                self.roll_back(&error);
                Err(error)
            }
        };
        for operation in batch {
            operation.settle(committed.clone());
        }
    }

    fn roll_back(&mut self, error: &Error) {
        tracing::warn!(%error, "a transaction was rolled back");
        let rolled_back = self.connection.is_autocommit() || self.connection.execute_batch("ROLLBACK").is_ok();
        self.suspect |= !rolled_back || matches!(error, Error::Io(_) | Error::Corrupt { .. });
    }

    /// Replaces a connection that the disk has failed. After a failed sync the end of the write-ahead log may be
    /// there or not, so the log is folded away before anything is written behind it. The old connection is still open
    /// then: it is what keeps SQLite from reading that end as committed.
    fn renew(&mut self) -> Result<(), Error> {
        if self.suspect {
            let fresh = self.database.writer().map_err(Error::of)?;
            fold(&fresh).map_err(Error::of)?;
            self.connection = fresh;
            self.suspect = false;
        }
        Ok(())
    }
}

/// Runs a batch in one transaction. Gives the head of the log and how many operations were kept.
fn transact(connection: &Connection, batch: &mut [Box<dyn Operation>]) -> Result<(Seq, u64), Error> {
    run(connection, "BEGIN IMMEDIATE")?;
    let mut kept = 0;
    for operation in batch {
        kept += u64::from(attempt(connection, operation.as_mut())?);
    }
    let (head, _) = View::new(connection).log()?;
    run(connection, "COMMIT")?;
    Ok((head, kept))
}

/// Runs one operation in a savepoint of its own; whether it was kept. An error is one of the whole transaction.
fn attempt(connection: &Connection, operation: &mut dyn Operation) -> Result<bool, Error> {
    run(connection, "SAVEPOINT operation")?;
    let tx = Tx::new(connection);
    let keep = operation.run(&tx);
    if let Some(error) = tx.broken() {
        return Err(error.clone());
    }
    if !keep {
        run(connection, "ROLLBACK TO operation")?;
    }
    run(connection, "RELEASE operation")?;
    Ok(keep)
}

fn run(connection: &Connection, sql: &str) -> Result<(), Error> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(drop).map_err(Error::of)
}

/// Moves everything from the write-ahead log into the database and empties the log. `false` when somebody reads what is
/// in it.
fn fold(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get("busy").map(|busy: i64| busy == 0))
}

/// Writes the file anew if something was erased since. Dying in between, it is done again.
fn compact(connection: &Connection) -> rusqlite::Result<()> {
    if connection.query_row("SELECT erased FROM log", [], |row| row.get(0))? {
        connection.execute_batch("VACUUM; UPDATE log SET erased = 0")?;
        fold(connection)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use codex_manager_model::NewEvent;
    use jiff::Timestamp;
    use serde_json::json;
    use tempfile::TempDir;
    use tokio::sync::oneshot::Receiver;

    use super::*;
    use crate::folder;
    use crate::operation::pack;

    fn writer(folder: &TempDir) -> (Writer, Handle) {
        let database = Arc::new(Database::new(folder::prepare(folder.path()).unwrap(), None));
        let connection = database.prepare().unwrap();
        Writer::new(database, connection).unwrap()
    }

    fn append() -> (Box<dyn Operation>, Receiver<Result<Seq, Error>>) {
        pack(|tx| tx.append_event(NewEvent::new("e", None, json!(1), Timestamp::UNIX_EPOCH)))
    }

    #[test]
    fn a_commit_that_fails_is_told_to_all_and_nothing_was_applied() {
        let folder = tempfile::tempdir().unwrap();
        let (mut writer, handle) = writer(&folder);
        let (innocent, told) = append();
        // The one way to be refused at COMMIT and no sooner: a reference that is checked there and leads nowhere.
        let (culprit, culprit_told) = pack(|tx| {
            tx.execute("PRAGMA defer_foreign_keys = ON", [])?;
            tx.execute(
                "INSERT INTO operations (id, kind, method, interaction, body, state, actor, created_at, updated_at)
                 VALUES ('o', 'reply', 'm', 'nobody', '1', 'recorded', 'user', 0, 0)",
                [],
            )
        });
        writer.write(vec![innocent, culprit]);
        assert!(matches!(told.blocking_recv().unwrap(), Err(Error::Sqlite(_))));
        assert!(matches!(culprit_told.blocking_recv().unwrap(), Err(Error::Sqlite(_))));
        assert_eq!((*handle.head.borrow(), handle.counters.read(0).commits), (Seq(0), 0));

        let (next, told) = append();
        writer.write(vec![next]);
        assert_eq!(told.blocking_recv().unwrap().unwrap(), Seq(1));
        assert_eq!(*handle.head.borrow(), Seq(1));
    }

    #[test]
    fn a_connection_that_the_disk_has_failed_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (mut writer, _handle) = writer(&folder);
        let (before, _) = append();
        writer.write(vec![before]);
        writer.connection.execute_batch("CREATE TEMP TABLE only_here (a)").unwrap();
        writer.suspect = true;
        let (after, told) = append();
        writer.write(vec![after]);
        assert_eq!(told.blocking_recv().unwrap().unwrap(), Seq(2));
        assert!(!writer.suspect);
        assert!(writer.connection.prepare("SELECT * FROM only_here").is_err(), "it is another connection");
    }
}
