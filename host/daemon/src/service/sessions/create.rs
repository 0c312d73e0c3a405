//! Creating a session: a thread of Codex, and our record of it.

use codex_manager_model::{Actor, ApprovalPolicy, Controls, FilesystemSandbox, NetworkAccess, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::overrides::{Overrides, policy};
use super::tools::{self, DynamicTool};
use super::{Sessions, started};
use crate::service::controls::default_in;
use crate::service::summary::{SessionSummary, summary};
use crate::service::{Error, taken, to_its_end};
use crate::thread;

/// What a session starts with. What is left out is as the defaults of new sessions say.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateSession {
    /// The folder that its commands start in: an absolute path of a folder that is there.
    #[schema(pattern = "^/")]
    cwd: Option<String>,
    /// The model.
    model: Option<String>,
    /// When Codex must ask before it acts. `on-failure` is deprecated and counts as `on-request`.
    approval_policy: Option<ApprovalPolicy>,
    /// Whether commands may use the network.
    network_access: Option<NetworkAccess>,
    /// What commands may write.
    filesystem_sandbox: Option<FilesystemSandbox>,
    /// Tools that the client itself runs, for as long as the session lives.
    #[serde(default)]
    #[schema(max_items = 128)]
    dynamic_tools: Vec<DynamicTool>,
}

/// A session that was made, with Codex's thread.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreatedSession {
    /// The session.
    session: SessionSummary,
    /// The thread, as Codex tells it.
    #[schema(value_type = Object)]
    thread: Value,
    /// What is accepted and should not be relied on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<&'static str>,
}

impl Sessions {
    /// Starts a thread and has it written down.
    ///
    /// # Errors
    /// Invalid when a tool lacks something or the folder will not do; unavailable without a child; `not_contained`; the
    /// child's own refusal.
    pub(crate) async fn create(&self, body: CreateSession, actor: Actor) -> Result<CreatedSession, Error> {
        tools::check(&body.dynamic_tools)?;
        body.cwd.as_deref().map_or(Ok(()), |folder| self.require_folder("cwd", folder))?;
        self.require_ready()?;
        self.require_contained()?;
        // A client that leaves in between must not leave a thread behind that is written down nowhere.
        let sessions = self.clone();
        to_its_end(async move { sessions.start(body, actor).await }).await
    }

    async fn start(&self, body: CreateSession, actor: Actor) -> Result<CreatedSession, Error> {
        let overrides = Overrides {
            model: body.model,
            approval_policy: body.approval_policy,
            network_access: body.network_access,
            filesystem_sandbox: body.filesystem_sandbox,
        };
        let mut controls = self.default_controls().await?;
        overrides.over(&mut controls);
        let mut params = json!({
            "cwd": body.cwd.as_ref().unwrap_or(&self.defaults.cwd),
            "model": controls.model,
            "sandbox": controls.filesystem_sandbox,
            "approvalPolicy": policy(controls.approval_policy),
        });
        if !body.dynamic_tools.is_empty() {
            params["dynamicTools"] = json!(body.dynamic_tools);
        }
        let body = json!({ "params": params, "controls": controls });
        let call = self.outbox.call("thread/start", None, body, actor.clone());
        let mut answer = self.outbox.perform(call, |_| Ok(())).await?.outcome.unwrap_or_default();
        let thread = taken(&mut answer, "thread");
        let id = started(&thread)?;
        self.keep(&id, actor).await;
        let session = summary(&self.readable(&id).await?);
        Ok(CreatedSession { session, thread, warnings: overrides.warnings() })
    }

    /// What a session has whose creator says nothing.
    pub(super) async fn default_controls(&self) -> Result<Controls, Error> {
        let configured = self.defaults.controls.clone();
        self.store.read(move |view| Ok(default_in(view, &configured)?)).await
    }

    /// Has Codex write the new thread down: until it has a name or a turn, it would not survive the child.
    pub(super) async fn keep(&self, id: &SessionId, actor: Actor) {
        let body = json!({ "params": { "threadId": id, "name": thread::UNNAMED } });
        let named = self.outbox.perform(self.outbox.call("thread/name/set", Some(id.clone()), body, actor), |_| Ok(()));
        if let Err(error) = named.await {
            tracing::warn!(%error, session = %id, "a new thread is kept in the child's memory only until its first turn");
        }
    }
}
