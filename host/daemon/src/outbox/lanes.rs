//! What must not overtake what: the calls of one session go out one after another.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use codex_manager_model::{Operation, OperationId, OperationKind, SessionId};

/// One line of operations.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    /// The calls of one session.
    Session(SessionId),
    /// Everything else goes by itself; a decision must not wait for a call that hangs.
    Own(OperationId),
}

/// The lanes in which something is being sent.
#[derive(Default)]
pub(super) struct Lanes(Mutex<HashSet<Lane>>);

impl Lanes {
    /// Takes the operation's lane; `None` when something is being sent in it.
    pub(super) fn take(&self, operation: &Operation) -> Option<Lane> {
        let lane = Lane::of(operation);
        self.lock().insert(lane.clone()).then_some(lane)
    }

    /// The next of that lane may go.
    pub(super) fn free(&self, lane: &Lane) {
        self.lock().remove(lane);
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Lane>> {
        // Lanes come and go as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn of(operation: &Operation) -> Self {
        match (&operation.kind, &operation.session) {
            (OperationKind::Call, Some(session)) => Self::Session(session.clone()),
            _ => Self::Own(operation.id.clone()),
        }
    }
}
