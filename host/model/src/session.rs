//! Sessions.

use jiff::Timestamp;

use crate::{Controls, ProjectId, SessionId};

/// Our durable record of one Codex thread.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// The thread's id.
    pub id: SessionId,
    /// What people call it; `None` until it is named, then clients show the preview or "New chat".
    pub title: Option<String>,
    /// The beginning of its first message, as Codex tells it.
    pub preview: String,
    /// The folder its commands start in.
    pub cwd: String,
    /// Who made it, in Codex's words (`vscode`, `cli`, `subAgent`, …).
    pub source: String,
    /// The provider of its model.
    pub model_provider: String,
    /// True from its first accepted turn.
    pub materialized: bool,
    /// Put away by the user.
    pub archived: bool,
    /// What it lets Codex do.
    pub controls: Controls,
    /// When it was made.
    pub created_at: Timestamp,
    /// When something last happened in it.
    pub updated_at: Timestamp,
    /// The project it is in.
    pub project: Option<ProjectId>,
    /// The worker it belongs to. Such a session can be read, and is used by the queue alone.
    pub worker: Option<Worker>,
    /// Codex no longer has the thread, although there was one: ours is the only record left.
    pub thread_missing: bool,
}

/// Whose worker a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// For whom it works: a project's id, or `session:` and the id of a session that is in none.
    pub owner: String,
    /// Which agent it is.
    pub agent: String,
}

impl Worker {
    /// How an owner is named that is a session and no project.
    pub fn owner_for(session: &SessionId) -> String {
        format!("{OF_SESSION}{session}")
    }

    /// The session that is the owner of that name, if it is none of a project.
    pub fn session_of(owner: &str) -> Option<SessionId> {
        owner.strip_prefix(OF_SESSION).map(SessionId::new)
    }
}

const OF_SESSION: &str = "session:";
