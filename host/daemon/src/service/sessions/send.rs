//! Sending a message, which starts a turn.

use codex_manager_model::{Actor, ApprovalPolicy, FilesystemSandbox, NetworkAccess, Session, SessionId, TurnId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::overrides::{Overrides, policy, sandbox_policy};
use super::tools::{self, DynamicTool};
use super::{Sessions, unnamed};
use crate::service::Error;

/// A message. What it says of the controls holds for the session from then on.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SendMessage {
    /// What the user says.
    #[schema(min_length = 1, pattern = r"[^\s\u0085]")]
    text: String,
    /// The model.
    model: Option<String>,
    /// How hard the model thinks, in this turn.
    effort: Option<Effort>,
    /// When Codex must ask before it acts. `on-failure` is deprecated and counts as `on-request`.
    approval_policy: Option<ApprovalPolicy>,
    /// Whether commands may use the network.
    network_access: Option<NetworkAccess>,
    /// What commands may write.
    filesystem_sandbox: Option<FilesystemSandbox>,
    /// Accepted, and without effect: tools are fixed when a session is created.
    #[serde(default)]
    #[schema(max_items = 128)]
    dynamic_tools: Vec<DynamicTool>,
}

/// How hard the model thinks.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Effort {
    /// Not at all.
    None,
    /// As little as it can.
    Minimal,
    /// A little.
    Low,
    /// As usual.
    Medium,
    /// More than usual.
    High,
    /// As hard as it can.
    Xhigh,
}

/// A message that Codex has taken.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageAccepted {
    /// `accepted`.
    status: &'static str,
    /// The session.
    session_id: SessionId,
    /// The turn that the message began, or joined.
    turn_id: TurnId,
    /// What is accepted and should not be relied on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<&'static str>,
}

impl Sessions {
    /// Sends a message and answers the turn's id.
    ///
    /// # Errors
    /// Invalid when the text is empty; unavailable without a child, and then nothing was recorded; a timeout with an
    /// `operationId` when nobody knows whether it arrived.
    pub(crate) async fn send(
        &self,
        session: Session,
        body: SendMessage,
        actor: Actor,
    ) -> Result<MessageAccepted, Error> {
        if body.text.trim().is_empty() {
            return Err(Error::invalid("text", "must not be empty"));
        }
        tools::check(&body.dynamic_tools)?;
        self.require_contained()?;
        let overrides = Overrides {
            model: body.model,
            approval_policy: body.approval_policy,
            network_access: body.network_access,
            filesystem_sandbox: body.filesystem_sandbox,
        };
        let mut controls = session.controls;
        overrides.over(&mut controls);
        let mut operation = self.outbox.call("turn/start", Some(session.id.clone()), Value::Null, actor);
        operation.body = json!({
            "params": {
                "threadId": session.id,
                "clientUserMessageId": operation.id,
                "input": [{ "type": "text", "text": body.text, "text_elements": [] }],
                "model": controls.model,
                "effort": body.effort,
                "approvalPolicy": policy(controls.approval_policy),
                "sandboxPolicy": sandbox_policy(&controls),
            },
            "overrides": overrides,
        });
        let answer = self.perform(operation).await?;
        let turn_id = answer["turn"]["id"].as_str().map(TurnId::new).ok_or_else(|| unnamed("turn"))?;
        let mut warnings = overrides.warnings();
        warnings.extend((!body.dynamic_tools.is_empty()).then_some(tools::TOO_LATE));
        Ok(MessageAccepted { status: "accepted", session_id: session.id, turn_id, warnings })
    }
}
