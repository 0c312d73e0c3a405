//! Reading a session: with its thread and what was said in it.

use codex_manager_model::{Session, TranscriptEntry};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Sessions;
use crate::service::Error;
use crate::service::summary::{SessionSummary, summary};

/// A session with its thread and its transcript.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionRead {
    /// The session.
    session: SessionSummary,
    /// The thread with its turns, as Codex tells it.
    #[schema(value_type = Object)]
    thread: Value,
    /// What was said and done: Codex's history, and what only our own log knows.
    transcript: Vec<TranscriptEntry>,
}

impl Sessions {
    /// A session with its thread and its transcript.
    ///
    /// # Errors
    /// Unavailable without a child; the child's own refusal.
    pub(crate) async fn read(&self, session: Session) -> Result<SessionRead, Error> {
        self.require_ready()?;
        let (thread, transcript) = self.history.read(&session).await?;
        Ok(SessionRead { session: summary(&session), thread, transcript })
    }
}
