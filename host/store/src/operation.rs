//! A write on its way to the writer and its answer on the way back.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use crate::{Error, Tx};

/// A write whose types were forgotten, so that all kinds of them can wait in one queue.
pub(crate) trait Operation: Send {
    /// Runs it in the savepoint that is open; whether what it did is to be kept.
    fn run(&mut self, tx: &Tx<'_>) -> bool;

    /// Answers whoever waits: what the operation said, or why its transaction came to nothing.
    fn settle(self: Box<Self>, committed: Result<(), Error>);
}

/// Packs `work`, and gives the place where its answer will arrive.
pub(crate) fn pack<T, E, F>(work: F) -> (Box<dyn Operation>, oneshot::Receiver<Result<T, E>>)
where
    F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Box::new(Write { stage: Stage::Waiting(work), reply }), answer)
}

struct Write<T, E, F> {
    stage: Stage<T, E, F>,
    reply: oneshot::Sender<Result<T, E>>,
}

enum Stage<T, E, F> {
    Waiting(F),
    Running,
    Ran(Result<T, E>),
}

impl<T, E, F> Operation for Write<T, E, F>
where
    F: FnOnce(&Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, tx: &Tx<'_>) -> bool {
        let Stage::Waiting(work) = std::mem::replace(&mut self.stage, Stage::Running) else {
            unreachable!("an operation runs once");
        };
        // What a panic leaves behind in the database is rolled back, and the closure is gone: nothing half done is seen.
        let result = catch_unwind(AssertUnwindSafe(|| work(tx))).unwrap_or_else(|_| Err(Error::Panicked.into()));
        let keep = result.is_ok();
        self.stage = Stage::Ran(result);
        keep
    }

    fn settle(self: Box<Self>, committed: Result<(), Error>) {
        let result = match (committed, self.stage) {
            (Ok(()), Stage::Ran(result)) => result,
            (Ok(()), _) => unreachable!("a transaction is committed after all of it has run"),
            // Also told to an operation that failed by itself: it may have failed over something that never was.
            (Err(error), _) => Err(error.into()),
        };
        // Nobody may be waiting any more; what was done is done all the same.
        drop(self.reply.send(result));
    }
}
