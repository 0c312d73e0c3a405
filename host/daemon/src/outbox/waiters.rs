//! Who waits for which operation to settle.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use codex_manager_model::{Operation, OperationId};
use tokio::sync::oneshot;

/// Everybody who waits, at most one for an operation.
#[derive(Default)]
pub(super) struct Waiters(Mutex<HashMap<OperationId, oneshot::Sender<Operation>>>);

/// One who waits. Dropped, it waits no more and leaves nothing behind.
pub(super) struct Waiter<'a> {
    id: OperationId,
    settled: oneshot::Receiver<Operation>,
    all: &'a Waiters,
}

impl Waiters {
    /// Waits for an operation from now on, recorded or not.
    pub(super) fn wait_for(&self, id: &OperationId) -> Waiter<'_> {
        let (sender, settled) = oneshot::channel();
        self.lock().insert(id.clone(), sender);
        Waiter { id: id.clone(), settled, all: self }
    }

    /// Tells who waits, if anybody does, what became of an operation.
    pub(super) fn tell(&self, operation: Operation) {
        let waiter = self.lock().remove(&operation.id);
        if let Some(waiter) = waiter {
            // It may have gone this moment; the operation is settled all the same.
            let _ = waiter.send(operation);
        }
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OperationId, oneshot::Sender<Operation>>> {
        // Entries come and go as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter<'_> {
    /// The operation once it is settled, or once nobody can know.
    pub(super) async fn settled(&mut self) -> Operation {
        let settled = (&mut self.settled).await;
        settled.expect("its sender stays with the others until it is told or the waiter is dropped")
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.all.lock().remove(&self.id);
    }
}
