//! Finding out what became of operations that were written and never answered.
//!
//! What says something to a turn carries its operation's id as `clientUserMessageId`, and Codex hands it back as the user
//! message's `clientId`: so our own log, or the thread's history, says whether it arrived. A child that is gone can do
//! nothing any more, so what neither knows did not happen. Calls without such a key stay shown as unknown.

use codex_manager_app_server::CallError;
use codex_manager_app_server::protocol::{ItemEntry, ThreadItemsList};
use codex_manager_model::{Operation, OperationState, SessionId, TurnId, limits};
use codex_manager_store as store;
use serde_json::json;

use super::Inner;

/// How many items one page of the thread's history holds, and how many pages are looked at.
const ITEMS_PAGE: u32 = 200;
const PAGES_MAX: usize = 50;

/// What the thread's history says about a message.
enum Found {
    /// It began, or joined, this turn.
    In(TurnId),
    /// The whole history was read, and it is not there.
    Nowhere,
    /// The history could not be read to its end.
    Unclear,
}

/// Asks about every operation of which nobody knows whether it took effect.
pub(super) async fn resolve_all(inner: &Inner) {
    let unknown = inner.storage.store().read(|view| view.operations_in(OperationState::Unknown)).await;
    let unknown: Vec<Operation> = match unknown {
        Ok(unknown) => unknown,
        Err(error) => {
            tracing::error!(%error, "cannot read which operations are unknown");
            return;
        }
    };
    for operation in unknown {
        resolve(inner, &operation).await;
    }
}

/// Asks about one.
pub(super) async fn resolve(inner: &Inner, operation: &Operation) {
    let Some(session) = operation.session.as_ref().filter(|_| says_something(operation)) else { return };
    let (to, outcome) = match find(inner, operation, session).await {
        Found::In(turn) => (OperationState::Answered, json!({ "turn": { "id": turn }, "turnId": turn })),
        Found::Nowhere => (
            OperationState::Failed,
            json!({ "code": -32603, "message": "the app-server died before it took the message; it was not sent again" }),
        ),
        Found::Unclear => return,
    };
    if let Err(error) = inner.settle(operation, &[OperationState::Unknown], to, Some(outcome)).await {
        tracing::warn!(%error, operation = %operation.id, "found out, and could not note it");
    }
}

/// Whether it is a message of the user.
fn says_something(operation: &Operation) -> bool {
    matches!(operation.method.as_str(), "turn/start" | "turn/steer")
}

async fn find(inner: &Inner, operation: &Operation, session: &SessionId) -> Found {
    let id = operation.id.as_str();
    match in_our_log(inner, session, id).await {
        Ok(Some(turn)) => return Found::In(turn),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, operation = id, "cannot read what the log says of an operation"),
    }
    let child = inner.child.state().borrow().clone();
    if !child.is_ready() {
        return Found::Unclear;
    }
    match in_history(inner, session, id).await {
        // The same child may still be about to act on it.
        Ok(Found::Nowhere) if child.generation == operation.generation => Found::Unclear,
        Ok(found) => found,
        // The thread never had a first message: this one did not arrive either.
        Err(CallError::Rejected { message, .. }) if message.contains("no rollout found") => Found::Nowhere,
        Err(error) => {
            tracing::warn!(%error, operation = id, "cannot find out what became of an operation");
            Found::Unclear
        }
    }
}

/// The child may have told of the message and died before it wrote it down.
async fn in_our_log(inner: &Inner, session: &SessionId, client_id: &str) -> Result<Option<TurnId>, store::Error> {
    let (session, client_id) = (session.clone(), client_id.to_owned());
    let look = move |view: &store::View<'_>| {
        let items = view.items_of(&session)?;
        let said = items.into_iter().find(|item| item.body["clientId"].as_str() == Some(&client_id));
        Ok(said.map(|item| item.turn))
    };
    inner.storage.store().read(look).await
}

/// The newest first, for that is where it is.
async fn in_history(inner: &Inner, session: &SessionId, client_id: &str) -> Result<Found, CallError> {
    let mut params = ThreadItemsList {
        thread_id: session.to_string(),
        limit: Some(ITEMS_PAGE),
        sort_direction: Some("desc".to_owned()),
        ..ThreadItemsList::default()
    };
    for _ in 0..PAGES_MAX {
        let page = inner.child.request_within(params.clone(), limits::OPERATION_WAIT_MAX).await?;
        if let Some(turn) = turn_of(&page.data, client_id) {
            return Ok(Found::In(turn));
        }
        params.cursor = page.next_cursor;
        if params.cursor.is_none() {
            return Ok(Found::Nowhere);
        }
    }
    Ok(Found::Unclear)
}

/// The turn whose user message carries `client_id`.
fn turn_of(entries: &[ItemEntry], client_id: &str) -> Option<TurnId> {
    let entry = entries.iter().find(|entry| entry.item.client_id.as_deref() == Some(client_id))?;
    entry.turn_id.as_deref().map(TurnId::new)
}

#[cfg(test)]
mod tests {
    use codex_manager_app_server::protocol::Item;

    use super::*;

    #[test]
    fn a_message_is_found_by_the_id_it_was_sent_with() {
        let entry = |turn: &str, client_id: Option<&str>| ItemEntry {
            turn_id: Some(turn.to_owned()),
            item: Item { client_id: client_id.map(str::to_owned) },
        };
        let entries = [entry("t2", None), entry("t1", Some("op_1"))];
        assert_eq!(turn_of(&entries, "op_1"), Some(TurnId::new("t1")));
        assert_eq!(turn_of(&entries, "op_2"), None);
    }
}
