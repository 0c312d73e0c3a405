//! What is about to be done, or being done: whose consequences are ours to tell, once the child has answered.

use codex_manager_model::{Operation, OperationKind, OperationState, SessionId};
use codex_manager_store::{Error, View};

/// A call of one of these methods that was recorded and that the child has not answered yet; of one session, or of any.
pub(crate) fn under_way(
    view: &View<'_>,
    methods: &[&str],
    session: Option<&SessionId>,
) -> Result<Option<Operation>, Error> {
    let mut waiting = view.operations_in(OperationState::Sending)?;
    waiting.extend(view.operations_in(OperationState::Recorded)?);
    Ok(waiting.into_iter().find(|call| {
        call.kind == OperationKind::Call
            && methods.contains(&call.method.as_str())
            && (session.is_none() || call.session.as_ref() == session)
    }))
}
