//! Forking: a new session that begins with what was said in another.

use codex_manager_model::{Actor, Session, SessionId};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::overrides::policy;
use super::{Sessions, started};
use crate::service::summary::{SessionSummary, summary};
use crate::service::{Error, taken};

/// A session that was made from another.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ForkedSession {
    /// `ok`.
    status: &'static str,
    /// The session that it was made from.
    source_session_id: SessionId,
    /// The new session. It has the controls, the name and the project of the other.
    session: SessionSummary,
    /// Its thread, as Codex tells it, without the turns.
    #[schema(value_type = Object)]
    thread: Value,
}

impl Sessions {
    /// Forks a session.
    ///
    /// # Errors
    /// `not_materialized` when Codex has written nothing down of it; the child's own refusal.
    pub(crate) async fn fork(&self, source: Session, actor: Actor) -> Result<ForkedSession, Error> {
        self.require_contained()?;
        let params = json!({
            "threadId": source.id,
            "sandbox": source.controls.filesystem_sandbox,
            "approvalPolicy": policy(source.controls.approval_policy),
            "excludeTurns": true,
        });
        let mut answer = self.call("thread/fork", &source.id, json!({ "params": params }), actor).await?;
        let thread = taken(&mut answer, "thread");
        let session = summary(&self.readable(&started(&thread)?).await?);
        Ok(ForkedSession { status: "ok", source_session_id: source.id, session, thread })
    }
}
