//! A session as lists show it, in the reference's shape.

use codex_manager_model::Session;
use serde_json::{Value, json};

use crate::thread;

/// The summary of a session.
pub(crate) fn summary(session: &Session) -> Value {
    json!({
        "sessionId": session.id,
        "title": title(session),
        "materialized": session.materialized,
        "modelProvider": session.model_provider,
        "approvalPolicy": session.controls.approval_policy,
        "sessionControls": session.controls,
        "createdAt": session.created_at.as_second(),
        "updatedAt": session.updated_at.as_second(),
        "cwd": session.cwd,
        "source": session.source,
        "projectId": null,
    })
}

/// What people call it: its name, else how it began.
pub(crate) fn title(session: &Session) -> &str {
    match &session.title {
        Some(title) => title,
        None if !session.preview.is_empty() => &session.preview,
        None => thread::UNNAMED,
    }
}
