//! Resuming: having Codex load a thread again. Whatever needs a loaded thread does so by itself.

use codex_manager_model::{Actor, Session};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Sessions;
use super::overrides::policy;
use super::tools::{self, DynamicTool};
use crate::service::summary::{SessionSummary, summary};
use crate::service::{Error, taken};

/// How to resume.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Resume {
    /// Accepted, and without effect: tools are fixed when a session is created.
    #[serde(default)]
    #[schema(max_items = 128)]
    dynamic_tools: Vec<DynamicTool>,
}

/// A session whose thread is loaded.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResumedSession {
    /// The session.
    session: SessionSummary,
    /// Its thread, as Codex tells it, without the turns.
    #[schema(value_type = Object)]
    thread: Value,
    /// What is accepted and should not be relied on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<&'static str>,
}

impl Sessions {
    /// Has Codex load the thread, with the session's controls.
    ///
    /// # Errors
    /// Invalid when a tool lacks something; the child's own refusal.
    pub(crate) async fn resume(&self, session: Session, body: Resume, actor: Actor) -> Result<ResumedSession, Error> {
        tools::check(&body.dynamic_tools)?;
        self.require_contained()?;
        let params = json!({
            "threadId": session.id,
            "sandbox": session.controls.filesystem_sandbox,
            "approvalPolicy": policy(session.controls.approval_policy),
            "excludeTurns": true,
        });
        let mut answer = self.call("thread/resume", &session.id, json!({ "params": params }), actor).await?;
        let thread = taken(&mut answer, "thread");
        let warnings = (!body.dynamic_tools.is_empty()).then_some(tools::TOO_LATE).into_iter().collect();
        let session = summary(&self.readable(&session.id).await?);
        Ok(ResumedSession { session, thread, warnings })
    }
}
