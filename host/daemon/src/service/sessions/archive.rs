//! Putting sessions away, and getting them back.

use codex_manager_model::{Actor, Session, SessionId};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Sessions;
use crate::service::summary::{SessionSummary, summary};
use crate::service::{Error, code, taken};

/// A session that was put away.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ArchivedSession {
    /// `ok`.
    status: &'static str,
    /// The session.
    session_id: SessionId,
}

/// A session that is back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnarchivedSession {
    /// `ok`.
    status: &'static str,
    /// The session.
    session: SessionSummary,
    /// Its thread, as Codex tells it.
    #[schema(value_type = Object)]
    thread: Value,
}

impl Sessions {
    /// Puts a session away. One that is away already stays so.
    ///
    /// # Errors
    /// `not_materialized` when no turn of it was ever accepted; the child's own refusal.
    pub(crate) async fn archive(&self, session: Session, actor: Actor) -> Result<ArchivedSession, Error> {
        if !session.archived {
            self.put_away(&session, actor).await?;
        }
        Ok(ArchivedSession { status: "ok", session_id: session.id })
    }

    /// Gets a session back.
    ///
    /// # Errors
    /// `invalid_state` when it is not away; the child's own refusal.
    pub(crate) async fn unarchive(&self, session: Session, actor: Actor) -> Result<UnarchivedSession, Error> {
        let body = json!({ "params": { "threadId": session.id } });
        let mut answer = self.call("thread/unarchive", &session.id, body, actor).await?;
        let thread = taken(&mut answer, "thread");
        let session = summary(&self.readable(&session.id).await?);
        Ok(UnarchivedSession { status: "ok", session, thread })
    }

    async fn put_away(&self, session: &Session, actor: Actor) -> Result<(), Error> {
        if !session.materialized {
            let message = format!("session {} has no turn yet and cannot be archived", session.id);
            let error = Error::new(code::NOT_MATERIALIZED, message).status("not_materialized");
            return Err(error.with("sessionId", session.id.as_str()));
        }
        let body = json!({ "params": { "threadId": session.id } });
        self.call("thread/archive", &session.id, body, actor).await.map(drop)
    }
}
