//! How the log tells what becomes of sessions. Each of these is written in the transaction that changes the session.

use codex_manager_model::{NewEvent, Session, SessionId, TurnId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::service::summary::{SessionSummary, summary, title};

/// A session is there that was not before.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionCreated {
    /// The session as it begins.
    session: SessionSummary,
    /// The session that it was forked from, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    source_session_id: Option<SessionId>,
}

/// A session is called something else.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionRenamed {
    /// The session.
    session_id: SessionId,
    /// What it is called now.
    title: String,
}

/// A session was put away (`session_archived`), or is back (`session_unarchived`).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionMoved {
    /// The session.
    session_id: SessionId,
}

/// Codex has lost the thread of a session, or has it again.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionThreadMissing {
    /// The session, which stays as our own record of it.
    session_id: SessionId,
    /// Whether the thread is missing now.
    missing: bool,
}

/// The last turns of a session were taken back.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionRolledBack {
    /// The session.
    session_id: SessionId,
    /// The turns that are gone, the oldest first.
    turn_ids: Vec<TurnId>,
}

/// The session is new.
pub(crate) fn created(session: &Session, source: Option<SessionId>, at: Timestamp) -> NewEvent {
    event("session_created", session, SessionCreated { session: summary(session), source_session_id: source }, at)
}

/// The session has another title.
pub(crate) fn renamed(session: &Session, at: Timestamp) -> NewEvent {
    let payload = SessionRenamed { session_id: session.id.clone(), title: title(session).to_owned() };
    event("session_renamed", session, payload, at)
}

/// The session was put away, or is back.
pub(crate) fn moved(session: &Session, at: Timestamp) -> NewEvent {
    let kind = if session.archived { "session_archived" } else { "session_unarchived" };
    event(kind, session, SessionMoved { session_id: session.id.clone() }, at)
}

/// The session's thread is missing, or is there again.
pub(crate) fn thread_missing(session: &Session, at: Timestamp) -> NewEvent {
    let payload = SessionThreadMissing { session_id: session.id.clone(), missing: session.thread_missing };
    event("session_thread_missing", session, payload, at)
}

/// The turns were taken back.
pub(crate) fn rolled_back(id: &SessionId, turns: Vec<TurnId>, at: Timestamp) -> NewEvent {
    let payload = SessionRolledBack { session_id: id.clone(), turn_ids: turns };
    NewEvent::new("session_rolled_back", Some(id.clone()), json!(payload), at)
}

fn event(kind: &str, session: &Session, payload: impl Serialize, at: Timestamp) -> NewEvent {
    NewEvent::new(kind, Some(session.id.clone()), json!(payload), at)
}
