//! Having the child forget a thread.

use std::time::Duration;

use codex_manager_app_server::{AppServer, CallError};
use codex_manager_model::{SessionId, limits};
use serde_json::{Value, json};

/// How long to wait for what may as well be left out.
const PREPARE_MAX: Duration = Duration::from_secs(5);

/// What the child says of a thread whose beginning another one shares, which was forked from it.
const FORKED: &str = "forked history still references it";
/// What the child says of a thread that it does not know.
const UNKNOWN: [&str; 4] = ["no rollout found", "thread not found", "thread not loaded", "invalid thread id"];

/// What became of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forgotten {
    /// The child has it no more.
    Yes,
    /// The child is to be asked again.
    NotNow,
    /// The child keeps it for as long as another thread needs its history.
    NotYet,
}

/// Interrupts what runs in the thread, ends its commands and deletes it.
pub(super) async fn forget(child: &AppServer, session: &SessionId) -> Forgotten {
    if let Some(turn) = running_turn(child, session).await {
        prepare(child, "turn/interrupt", json!({ "threadId": session, "turnId": turn })).await;
    }
    // An interrupted turn's commands run on.
    prepare(child, "thread/backgroundTerminals/clean", json!({ "threadId": session })).await;
    tracing::trace!(target: "codex_manager::arrow", at = "thread_deleting");
    let params = json!({ "threadId": session });
    let deleted = child.call_within("thread/delete", params, limits::OPERATION_WAIT_MAX).await;
    tracing::trace!(target: "codex_manager::arrow", at = "thread_deleted");
    match deleted {
        Ok(_) => Forgotten::Yes,
        Err(CallError::Rejected { message, .. }) if UNKNOWN.iter().any(|words| message.contains(words)) => {
            Forgotten::Yes
        }
        Err(CallError::Rejected { message, .. }) if message.contains(FORKED) => Forgotten::NotYet,
        Err(error) => {
            tracing::warn!(%error, %session, "the app-server has not deleted a thread yet; it will be asked again");
            Forgotten::NotNow
        }
    }
}

/// The turn that runs, as the child tells: it may have begun after the session was gone from our tables.
async fn running_turn(child: &AppServer, session: &SessionId) -> Option<String> {
    let params = json!({ "threadId": session, "limit": 1, "sortDirection": "desc" });
    let turns = prepare(child, "thread/turns/list", params).await?;
    let last = &turns["data"][0];
    (last["status"] == "inProgress").then(|| last["id"].as_str().map(str::to_owned))?
}

/// What the child refuses here, it refuses for there is nothing to do.
async fn prepare(child: &AppServer, method: &str, params: Value) -> Option<Value> {
    match child.call_within(method, params, PREPARE_MAX).await {
        Ok(result) => Some(result),
        Err(error) => {
            tracing::debug!(%error, method, "not needed before a thread is deleted, or not to be had");
            None
        }
    }
}
