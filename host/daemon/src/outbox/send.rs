//! Sending one operation, and what the child's answer makes of it.

use codex_manager_app_server::protocol::ThreadResume;
use codex_manager_app_server::{CallError, Reply};
use codex_manager_model::{Generation, Operation, OperationKind, OperationState, SessionId};
use codex_manager_store as store;
use serde_json::{Value, json};

use super::Inner;
use super::abandon::is_abandoned;
use super::interrupt::interrupt;
use super::sealed::{Params, lost, was_lost};
use crate::service::{Error, code};

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
    let sealed = inner.sealed.of(&operation);
    if let Params::Lost = sealed {
        inner.settle(&operation, &[OperationState::Recorded], OperationState::Void, None).await?;
        return Ok(());
    }
    if !inner.settle(&operation, &[OperationState::Recorded], OperationState::Sending, None).await? {
        return Ok(());
    }
    tracing::trace!(target: "codex_manager::arrow", at = "sending_recorded");
    let id = operation.body["id"].clone();
    let answer = match (operation.body.get("error"), sealed) {
        (Some(error), _) => Reply::Error {
            code: error["code"].as_i64().unwrap_or(-32603),
            message: error["message"].as_str().unwrap_or_default().to_owned(),
        },
        (None, Params::Sealed(result)) => Reply::Result(result.expose().clone()),
        (None, _) => Reply::Result(operation.body["result"].take()),
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
    let params = inner.sealed.of(&operation);
    let sent = match &params {
        Params::Open(params) => params.clone(),
        Params::Sealed(params) => params.expose().clone(),
        Params::Lost => {
            inner.settle(&operation, &[OperationState::Recorded], OperationState::Failed, Some(lost())).await?;
            return Ok(());
        }
    };
    if let Some(session) = operation.session.as_ref().filter(|_| needs_loaded(&operation.method))
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
    let answer = match &operation.session {
        Some(session) if operation.method == "turn/interrupt" => interrupt(inner, session, sent).await,
        _ => inner.child.call(&operation.method, sent).await,
    };
    let (to, outcome) = after_call(inner, &operation, &generation, answer, tried);
    let outcome = outcome.map(|outcome| params.scrub(outcome, &operation.body["params"]));
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
            // The child unloads what is put away, and does not load what is back.
            if let Some(thread) = operation.session.as_ref().filter(|_| is_move(&operation.method)) {
                inner.threads.remove(generation, thread);
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

/// A thread that is away cannot be loaded, and whoever loads one need not have it loaded before.
fn needs_loaded(method: &str) -> bool {
    !is_move(method) && method != "thread/resume"
}

fn is_move(method: &str) -> bool {
    matches!(method, "thread/archive" | "thread/unarchive")
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
    if let Some(error) = outcome.and_then(was_lost) {
        return error;
    }
    if let (Some(session), true) = (&operation.session, outcome.is_some_and(is_abandoned)) {
        let message = format!("session {session} was deleted before this was done in it");
        return Error::new(code::SESSION_DELETED, message).status("deleted").with("sessionId", session.as_str());
    }
    let code = outcome.and_then(|o| o["code"].as_i64()).unwrap_or(-32603);
    let message = outcome.and_then(|o| o["message"].as_str()).unwrap_or("the child refused without a word");
    let error = refused(&operation.method, code, message).with("details", json!({ "method": operation.method }));
    match &operation.session {
        Some(session) => error.with("sessionId", session.as_str()),
        None => error,
    }
}

/// What the child says of parameters that it does not take.
const WRONG_PARAMS: [&str; 6] = [
    "missing field",
    "invalid type",
    "unknown variant",
    "invalid request: ",
    "invalid configuration",
    "invalid cursor",
];

/// What a JSON-RPC error of the child means. Codex answers -32600 to nearly everything, so its words decide.
pub(crate) fn refused(method: &str, number: i64, message: &str) -> Error {
    let lower = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let unknown = message.contains(&format!("unknown variant `{method}`"));
    let code = if number == -32601 || unknown || says(&["method not found", "experimentalapi capability"]) {
        code::METHOD_NOT_SUPPORTED
    } else if says(&["no rollout found", "not materialized"]) {
        code::NOT_MATERIALIZED
    } else if says(&["invalid thread id", "thread not found", "thread not loaded"]) {
        code::SESSION_NOT_FOUND
    } else if says(&["no active turn"]) {
        code::NO_ACTIVE_TURN
    } else if says(&["failed to load configuration", "failed to read configuration"]) {
        // What is wrong in Codex's own file is not wrong with what a client asked for.
        code::CODEX_ERROR
    } else if number == -32602 || says(&WRONG_PARAMS) {
        code::INVALID_PARAMS
    } else if says(&["unauthorized", "missing bearer or basic authentication", "authentication required"]) {
        code::AUTH_REQUIRED
    } else if number == -32600 || says(&["already in progress", "turn is in progress"]) {
        code::INVALID_STATE
    } else if lower.contains("timed out") {
        code::CODEX_TIMEOUT
    } else {
        code::CODEX_ERROR
    };
    let status = match code.word {
        "session_not_found" => "not_found",
        "no_active_turn" | "not_materialized" => code.word,
        _ => "error",
    };
    Error::new(code, format!("the app-server refused: {message}")).status(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_by_its_meaning() {
        for (number, message, word) in [
            (-32601, "method not found", "method_not_supported"),
            (-32600, "Invalid request: unknown variant `thread/rollback`", "method_not_supported"),
            (-32600, "Invalid request: unknown variant `bad`, expected one of `none`", "invalid_params"),
            (-32600, "Invalid request: AbsolutePathBuf deserialized without a base path", "invalid_params"),
            (-32600, "Invalid configuration: unknown variant `x`", "invalid_params"),
            (-32600, "failed to load configuration: invalid type: integer `5`", "codex_error"),
            (-32600, "invalid cursor: zzz", "invalid_params"),
            (-32600, "codex account authentication required to read rate limits", "auth_required"),
            (-32000, "the login server timed out", "codex_timeout"),
            (-32600, "no rollout found for thread id 1", "not_materialized"),
            (-32600, "invalid thread id: …", "session_not_found"),
            (-32600, "thread not found: 1", "session_not_found"),
            (-32600, "no active turn to interrupt", "no_active_turn"),
            (-32602, "too large", "invalid_params"),
            (-32600, "Invalid request: missing field `x`", "invalid_params"),
            (-32600, "already has an active writer", "invalid_state"),
            (-32000, "boom", "codex_error"),
        ] {
            let error = refused("thread/rollback", number, message);
            assert_eq!(error.code.word, word, "{message}");
        }
    }
}
