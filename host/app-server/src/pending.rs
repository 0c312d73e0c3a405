//! The calls of one life that wait for an answer.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::message::Outcome;

/// The table of open calls. Ids are integers that grow, and are never used twice in a life.
#[derive(Debug)]
pub(crate) struct Pending(Mutex<Table>);

#[derive(Debug)]
struct Table {
    next: i64,
    open: HashMap<i64, oneshot::Sender<Outcome>>,
    closed: bool,
}

impl Pending {
    /// A table whose first call has the id `first`.
    pub(crate) fn new(first: i64) -> Self {
        Self(Mutex::new(Table { next: first, open: HashMap::new(), closed: false }))
    }

    /// Opens a call. `None` once the life is over.
    pub(crate) fn open(&self) -> Option<(i64, oneshot::Receiver<Outcome>)> {
        let mut table = self.lock();
        if table.closed {
            return None;
        }
        let id = table.next;
        table.next += 1;
        let (sender, receiver) = oneshot::channel();
        table.open.insert(id, sender);
        Some((id, receiver))
    }

    /// Gives a call its answer. `false` if nobody waits for one with this id: it is late, repeated or made up.
    pub(crate) fn settle(&self, id: i64, outcome: Outcome) -> bool {
        let waiting = self.lock().open.remove(&id);
        waiting.is_some_and(|waiting| waiting.send(outcome).is_ok())
    }

    /// Forgets a call that nobody waits for any more.
    pub(crate) fn forget(&self, id: i64) {
        self.lock().open.remove(&id);
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().open.is_empty()
    }

    /// Ends the table: every open call hears that there will be no answer, and none can be opened.
    pub(crate) fn close(&self) {
        let mut table = self.lock();
        table.closed = true;
        table.open.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Every change is one insertion or removal, so a panic elsewhere cannot have left half of one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn an_answer_is_taken_once_and_only_by_its_call() {
        let pending = Pending::new(5);
        let (id, answer) = pending.open().unwrap();
        assert_eq!(id, 5);
        assert!(!pending.settle(4, Outcome::Result(json!("never asked"))));
        assert!(pending.settle(5, Outcome::Result(json!("mine"))));
        assert!(!pending.settle(5, Outcome::Result(json!("again"))));
        assert!(matches!(answer.await, Ok(Outcome::Result(value)) if value == "mine"));
    }

    #[tokio::test]
    async fn the_end_of_a_life_fails_every_call_at_once() {
        let pending = Pending::new(1);
        let (first, second) = (pending.open().unwrap(), pending.open().unwrap());
        pending.close();
        assert!(first.1.await.is_err() && second.1.await.is_err());
        assert!(pending.open().is_none());
    }

    #[test]
    fn a_forgotten_call_takes_no_late_answer() {
        let pending = Pending::new(1);
        let (id, _answer) = pending.open().unwrap();
        pending.forget(id);
        assert!(!pending.settle(id, Outcome::Result(json!("late"))));
    }
}
