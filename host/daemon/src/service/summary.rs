//! A session as lists and events show it.

use codex_manager_model::{ApprovalPolicy, Controls, ProjectId, Session, SessionId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::thread;

/// What there is to say about a session in one line.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionSummary {
    /// Its id, which is the id of the Codex thread.
    pub(crate) session_id: SessionId,
    /// What people call it: its name, else how it began.
    pub(crate) title: String,
    /// Whether a turn of it was ever accepted.
    pub(crate) materialized: bool,
    /// The provider of its model.
    pub(crate) model_provider: String,
    /// The same as in `sessionControls`.
    pub(crate) approval_policy: ApprovalPolicy,
    /// What it lets Codex do.
    pub(crate) session_controls: Controls,
    /// When it was made, in seconds since 1970.
    pub(crate) created_at: i64,
    /// When something last happened in it, in seconds since 1970.
    pub(crate) updated_at: i64,
    /// The folder its commands start in.
    pub(crate) cwd: String,
    /// Who made it, in Codex's words: `vscode`, `cli`, `subAgent`, ….
    pub(crate) source: String,
    /// The project it is in.
    #[schema(required)]
    pub(crate) project_id: Option<ProjectId>,
    /// Whether Codex has lost the thread, so that what is shown is our own record of it.
    pub(crate) thread_missing: bool,
}

/// The summary of a session.
pub(crate) fn summary(session: &Session) -> SessionSummary {
    SessionSummary {
        session_id: session.id.clone(),
        title: title(session).to_owned(),
        materialized: session.materialized,
        model_provider: session.model_provider.clone(),
        approval_policy: session.controls.approval_policy,
        session_controls: session.controls.clone(),
        created_at: session.created_at.as_second(),
        updated_at: session.updated_at.as_second(),
        cwd: session.cwd.clone(),
        source: session.source.clone(),
        project_id: session.project.clone(),
        thread_missing: session.thread_missing,
    }
}

/// What people call it: its name, else how it began.
pub(crate) fn title(session: &Session) -> &str {
    match &session.title {
        Some(title) => title,
        None if !session.preview.is_empty() => &session.preview,
        None => thread::UNNAMED,
    }
}
