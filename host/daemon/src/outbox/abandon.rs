//! Operations of sessions that were deleted: what waits is not sent any more, and of what was sent nothing is written
//! down.

use codex_manager_model::{Operation, OperationKind, OperationState, SessionId};
use codex_manager_store::{Error, Tx, View};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Outbox;
use crate::service::code;

impl Outbox {
    /// Tells who waits for them that they are settled.
    pub(crate) fn tell_abandoned(&self, operations: Vec<Operation>) {
        for operation in operations {
            self.0.sealed.forget(&operation.id);
            self.0.waiters.tell(operation);
        }
    }
}

/// Settles what waits to be sent for a session that is being deleted, and what nobody knows the outcome of; who waits
/// for them is to be told when that is committed. What is on its way is settled when it has arrived.
///
/// # Errors
/// When the store fails.
pub(crate) fn abandon(tx: &Tx<'_>, session: &SessionId, now: Timestamp) -> Result<Vec<Operation>, Error> {
    let mut abandoned = Vec::new();
    let waits = [OperationState::Recorded, OperationState::Unknown];
    for mut operation in tx.open_operations_of(session)? {
        operation.outcome = Some(outcome());
        if tx.set_operation_state(
            &operation.id,
            &waits,
            OperationState::Failed,
            None,
            operation.outcome.as_ref(),
            now,
        )? {
            operation.state = OperationState::Failed;
            abandoned.push(operation);
        }
    }
    Ok(abandoned)
}

/// How an operation that comes to `state` is written down if its session is gone; `None` if that is not so.
pub(super) fn written(
    view: &View<'_>,
    operation: &Operation,
) -> Result<Option<(OperationState, Option<Value>)>, Error> {
    let gone = operation.session.as_ref().map(|session| view.tombstone(session)).transpose()?.flatten();
    Ok(gone.map(|_| match (operation.kind, operation.state) {
        // What was done was done, and what came of it is the session's. What the child still asks is answered.
        (OperationKind::Call, OperationState::Answered) | (OperationKind::Reply, _) => (operation.state, None),
        (OperationKind::Call, _) => (OperationState::Failed, Some(outcome())),
    }))
}

/// Whether that is how the operation ended.
pub(super) fn is_abandoned(outcome: &Value) -> bool {
    outcome["code"] == code::SESSION_DELETED.word
}

fn outcome() -> Value {
    json!({ "code": code::SESSION_DELETED.word, "message": "the session was deleted" })
}
