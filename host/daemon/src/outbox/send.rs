//! Sending one operation, and what the child's answer makes of it.

use codex_manager_app_server::protocol::ThreadResume;
use codex_manager_app_server::{CallError, Reply};
use codex_manager_model::{Generation, Operation, OperationKind, OperationState, SessionId};
use codex_manager_store as store;
use serde_json::{Value, json};

use super::Inner;
use crate::service::{Error, Kind};

/// Sends `operation` as far as it goes now. What is still recorded afterwards is for the next look at the outbox.
pub(super) async fn send(inner: &Inner, operation: Operation) {
    let sent = match operation.kind {
        OperationKind::Call => send_call(inner, operation).await,
        OperationKind::Reply => send_reply(inner, operation).await,
    };
    if let Err(error) = sent {
        tracing::warn!(%error, "what became of an operation is not noted; the next start finds out");
    }
}

async fn send_reply(inner: &Inner, mut operation: Operation) -> Result<(), store::Error> {
    let present = inner.child.state().borrow().generation.clone();
    let Some(generation) = present.filter(|present| operation.generation.as_ref() == Some(present)) else {
        inner.settle(&operation, &[OperationState::Recorded], OperationState::Void, None).await?;
        return Ok(());
    };
    if !inner.settle(&operation, &[OperationState::Recorded], OperationState::Sending, None).await? {
        return Ok(());
    }
    tracing::trace!(target: "codex_manager::arrow", at = "sending_recorded");
    let id = operation.body["id"].clone();
    let answer = match operation.body.get("error") {
        Some(error) => Reply::Error {
            code: error["code"].as_i64().unwrap_or(-32603),
            message: error["message"].as_str().unwrap_or_default().to_owned(),
        },
        None => Reply::Result(operation.body["result"].take()),
    };
    let to = match inner.child.reply(&generation, &id, answer).await {
        Ok(()) => OperationState::Answered,
        Err(error) => {
            tracing::info!(%error, method = operation.method, "a reply was not written; it is void");
            OperationState::Void
        }
    };
    tracing::trace!(target: "codex_manager::arrow", at = "reply_written");
    inner.settle(&operation, &[OperationState::Sending], to, None).await?;
    tracing::trace!(target: "codex_manager::arrow", at = "outcome_recorded");
    Ok(())
}

async fn send_call(inner: &Inner, mut operation: Operation) -> Result<(), store::Error> {
    let Some(generation) = ready_generation(inner) else { return Ok(()) };
    if let Some(session) = &operation.session
        && let Err(error) = load(inner, &generation, session).await
    {
        if let Some(outcome) = answers(&error) {
            inner.settle(&operation, &[OperationState::Recorded], OperationState::Failed, Some(outcome)).await?;
        }
        return Ok(());
    }
    let tried = operation.generation.replace(generation.clone()) == Some(generation.clone());
    if !inner.settle(&operation, &[OperationState::Recorded], OperationState::Sending, None).await? {
        return Ok(());
    }
    let answer = inner.child.call(&operation.method, operation.body["params"].clone()).await;
    let (to, outcome) = after_call(inner, &operation, &generation, answer, tried);
    inner.settle(&operation, &[OperationState::Sending], to, outcome).await?;
    Ok(())
}

/// Where an operation stands after the child answered, or did not. `tried` says that this child has had it before.
fn after_call(
    inner: &Inner,
    operation: &Operation,
    generation: &Generation,
    answer: Result<Value, CallError>,
    tried: bool,
) -> (OperationState, Option<Value>) {
    match answer {
        Ok(result) => {
            if let Some(thread) = result["thread"]["id"].as_str() {
                inner.threads.insert(generation, SessionId::new(thread));
            }
            (OperationState::Answered, Some(result))
        }
        // The child had unloaded the thread, or a new child took the call: it did nothing, so it may be asked once more.
        Err(CallError::Rejected { ref message, .. }) if !tried && message.starts_with("thread not found") => {
            if let Some(thread) = &operation.session {
                inner.threads.remove(generation, thread);
            }
            (OperationState::Recorded, None)
        }
        Err(error @ CallError::Rejected { .. }) => (OperationState::Failed, answers(&error)),
        // An answer that makes no sense says nothing about what was done.
        Err(error) if error.was_written() => (OperationState::Unknown, None),
        Err(_) => (OperationState::Recorded, None),
    }
}

/// Has the child load a thread that it has not loaded yet.
async fn load(inner: &Inner, generation: &Generation, session: &SessionId) -> Result<(), CallError> {
    if inner.threads.contains(generation, session) {
        return Ok(());
    }
    let thread_id = session.to_string();
    inner.child.request(ThreadResume { thread_id, exclude_turns: true, ..ThreadResume::default() }).await?;
    inner.threads.insert(generation, session.clone());
    Ok(())
}

fn ready_generation(inner: &Inner) -> Option<Generation> {
    let state = inner.child.state();
    let state = state.borrow();
    if state.is_ready() { state.generation.clone() } else { None }
}

/// The child's answer that is no result, as it is kept with the operation. `None` when it gave no answer at all.
fn answers(error: &CallError) -> Option<Value> {
    match error {
        CallError::Rejected { code, message, data, .. } => {
            Some(json!({ "code": code, "message": message, "data": data }))
        }
        CallError::Malformed { .. } => Some(json!({ "code": -32603, "message": error.to_string() })),
        _ => None,
    }
}

/// The child's "no" in meanings.
pub(super) fn refusal(operation: &Operation) -> Error {
    let outcome = operation.outcome.as_ref();
    let code = outcome.and_then(|o| o["code"].as_i64()).unwrap_or(-32603);
    let message = outcome.and_then(|o| o["message"].as_str()).unwrap_or("the child refused without a word");
    let error = refused(code, message).with("details", json!({ "method": operation.method }));
    match &operation.session {
        Some(session) => error.with("sessionId", session.as_str()),
        None => error,
    }
}

/// What a JSON-RPC error of the child means. Codex answers -32600 to nearly everything, so its words decide.
pub(crate) fn refused(code: i64, message: &str) -> Error {
    let lower = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let (kind, word) = if code == -32601 || says(&["unknown variant", "experimentalapi capability"]) {
        (Kind::Unsupported, "method_not_supported")
    } else if says(&["no rollout found", "not materialized"]) {
        (Kind::Conflict, "not_materialized")
    } else if says(&["invalid thread id", "thread not found", "thread not loaded"]) {
        (Kind::NotFound, "session_not_found")
    } else if says(&["no active turn"]) {
        (Kind::Conflict, "no_active_turn")
    } else if code == -32602 || says(&["missing field", "invalid type"]) {
        (Kind::Invalid, "invalid_params")
    } else if says(&["unauthorized", "authentication required"]) {
        (Kind::Upstream, "auth_required")
    } else if code == -32600 {
        (Kind::Conflict, "invalid_state")
    } else {
        (Kind::Upstream, "codex_error")
    };
    let status = match word {
        "session_not_found" => "not_found",
        "no_active_turn" | "not_materialized" => word,
        _ => "error",
    };
    Error::new(kind, word, format!("the app-server refused: {message}")).status(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_by_its_meaning() {
        for (code, message, kind, word) in [
            (-32601, "method not found", Kind::Unsupported, "method_not_supported"),
            (-32600, "Invalid request: unknown variant `thread/rollback`", Kind::Unsupported, "method_not_supported"),
            (-32600, "no rollout found for thread id 1", Kind::Conflict, "not_materialized"),
            (-32600, "invalid thread id: …", Kind::NotFound, "session_not_found"),
            (-32600, "thread not found: 1", Kind::NotFound, "session_not_found"),
            (-32600, "no active turn to interrupt", Kind::Conflict, "no_active_turn"),
            (-32602, "too large", Kind::Invalid, "invalid_params"),
            (-32600, "Invalid request: missing field `x`", Kind::Invalid, "invalid_params"),
            (-32600, "already has an active writer", Kind::Conflict, "invalid_state"),
            (-32000, "boom", Kind::Upstream, "codex_error"),
        ] {
            let error = refused(code, message);
            assert_eq!((error.kind, error.code), (kind, word), "{message}");
        }
    }
}
