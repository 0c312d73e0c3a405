//! Sessions.

use jiff::Timestamp;

use crate::{Controls, SessionId};

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
}
