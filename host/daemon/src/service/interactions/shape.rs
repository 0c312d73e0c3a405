//! Interactions as they are on the wire, in lists and in events alike.

use codex_manager_model::{
    Actor, Decision, DecisionScope, Interaction, InteractionId, InteractionKind, InteractionState, ItemId, SessionId,
    TurnId,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// A page of interactions of one kind.
pub(crate) trait Page: Serialize + Send {
    /// Which kind.
    const KIND: InteractionKind;

    /// The page, and where the next one begins.
    fn of(interactions: &[Interaction], next_cursor: Option<InteractionId>) -> Self;
}

/// A page of approvals.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApprovalPage {
    data: Vec<PendingApproval>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<InteractionId>,
}

/// A page of requests for input.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolInputPage {
    data: Vec<PendingToolInput>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<InteractionId>,
}

/// A page of tool calls.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolCallPage {
    data: Vec<PendingToolCall>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<InteractionId>,
}

/// A decision that was written to the child.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Decided {
    status: &'static str,
    approval_id: InteractionId,
    thread_id: SessionId,
}

/// An answer that was written to the child.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answered {
    status: &'static str,
    request_id: InteractionId,
    thread_id: SessionId,
}

/// What Codex asks to be allowed. Once it is no longer pending, with what became of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PendingApproval {
    approval_id: InteractionId,
    #[serde(flatten)]
    asked: Asked,
    /// How far the decision reaches.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<DecisionScope>,
    /// What was answered, where the decision's word does not say it all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    response: Option<Value>,
}

/// What Codex, or an MCP server through it, asks a person. Once it is no longer pending, with what became of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PendingToolInput {
    request_id: InteractionId,
    #[serde(flatten)]
    asked: Asked,
    /// Empty for an MCP server, whose `details` have a message and the schema of its answer.
    questions: Vec<Question>,
}

/// A call of a tool that is the client's to run. Once it is no longer pending, with what became of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PendingToolCall {
    request_id: InteractionId,
    #[serde(flatten)]
    asked: Asked,
    call_id: Option<ItemId>,
    tool: String,
    arguments: Value,
    /// Whether the tool did what it was called for, as it was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    success: Option<bool>,
}

/// What all kinds have.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Asked {
    /// The method of Codex.
    method: String,
    thread_id: SessionId,
    turn_id: Option<TurnId>,
    item_id: Option<ItemId>,
    /// One line for people.
    summary: String,
    /// The request's parameters, as Codex sent them.
    #[schema(value_type = Object)]
    details: Value,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    status: InteractionStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<Decision>,
    /// Who decided: `user`, `token:<id>`, `extension:<id>`, `host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    decided_by: Option<Actor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    resolved_at: Option<Timestamp>,
}

/// Where an interaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum InteractionStatus {
    /// Nobody has answered.
    Pending,
    /// An answer is being written.
    InFlight,
    /// It was answered.
    Resolved,
    /// It can no longer be answered.
    Expired,
}

/// One thing that is asked.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Question {
    id: String,
    header: String,
    pub(crate) question: String,
    options: Option<Vec<QuestionOption>>,
    /// Whether an answer may be none of the options.
    #[serde(default)]
    is_other: bool,
    /// Whether the answer is not to be shown.
    #[serde(default)]
    is_secret: bool,
}

/// One answer to choose.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct QuestionOption {
    label: String,
    description: String,
}

/// The member that holds an interaction's id.
pub(crate) const fn id_member(kind: InteractionKind) -> &'static str {
    match kind {
        InteractionKind::Approval => "approvalId",
        InteractionKind::ToolInput | InteractionKind::ToolCall => "requestId",
    }
}

/// The frame of our own that tells of a request.
pub(crate) fn house(interaction: &Interaction) -> Value {
    let (name, payload) = match interaction.kind {
        InteractionKind::Approval => ("approval", json!(PendingApproval::from(interaction))),
        InteractionKind::ToolInput => ("tool_user_input_requested", json!(PendingToolInput::from(interaction))),
        InteractionKind::ToolCall => ("tool_call_requested", json!(PendingToolCall::from(interaction))),
    };
    json!({ "type": name, "payload": payload })
}

/// Whether the params are of the request's shape, as far as anything here reads them.
pub(crate) fn is_well_formed(method: &str, params: &Value) -> bool {
    match method {
        "item/tool/call" => params["tool"].as_str().is_some_and(|tool| !tool.is_empty()),
        "item/tool/requestUserInput" | "tool/requestUserInput" => questions(params).is_some(),
        "item/permissions/requestApproval" => params["permissions"].is_object(),
        _ => params.is_object(),
    }
}

/// The questions of a request for input.
pub(crate) fn questions(params: &Value) -> Option<Vec<Question>> {
    Vec::deserialize(params.get("questions")?).ok()
}

impl From<Interaction> for Decided {
    fn from(interaction: Interaction) -> Self {
        Self { status: "ok", approval_id: interaction.id, thread_id: interaction.session }
    }
}

impl From<Interaction> for Answered {
    fn from(interaction: Interaction) -> Self {
        Self { status: "ok", request_id: interaction.id, thread_id: interaction.session }
    }
}

impl Page for ApprovalPage {
    const KIND: InteractionKind = InteractionKind::Approval;

    fn of(interactions: &[Interaction], next_cursor: Option<InteractionId>) -> Self {
        Self { data: interactions.iter().map(Into::into).collect(), next_cursor }
    }
}

impl Page for ToolInputPage {
    const KIND: InteractionKind = InteractionKind::ToolInput;

    fn of(interactions: &[Interaction], next_cursor: Option<InteractionId>) -> Self {
        Self { data: interactions.iter().map(Into::into).collect(), next_cursor }
    }
}

impl Page for ToolCallPage {
    const KIND: InteractionKind = InteractionKind::ToolCall;

    fn of(interactions: &[Interaction], next_cursor: Option<InteractionId>) -> Self {
        Self { data: interactions.iter().map(Into::into).collect(), next_cursor }
    }
}

impl From<&Interaction> for PendingApproval {
    fn from(interaction: &Interaction) -> Self {
        Self {
            approval_id: interaction.id.clone(),
            asked: Asked::from(interaction),
            scope: interaction.scope,
            response: interaction.response.clone(),
        }
    }
}

impl From<&Interaction> for PendingToolInput {
    fn from(interaction: &Interaction) -> Self {
        let questions = questions(&interaction.details).unwrap_or_default();
        Self { request_id: interaction.id.clone(), asked: Asked::from(interaction), questions }
    }
}

impl From<&Interaction> for PendingToolCall {
    fn from(interaction: &Interaction) -> Self {
        let details = &interaction.details;
        Self {
            request_id: interaction.id.clone(),
            asked: Asked::from(interaction),
            call_id: interaction.item.clone(),
            tool: details["tool"].as_str().unwrap_or_default().to_owned(),
            arguments: details["arguments"].clone(),
            success: interaction.decision.map(|decision| decision == Decision::Accept),
        }
    }
}

impl From<&Interaction> for Asked {
    fn from(interaction: &Interaction) -> Self {
        Self {
            method: interaction.method.clone(),
            thread_id: interaction.session.clone(),
            turn_id: interaction.turn.clone(),
            item_id: interaction.item.clone(),
            summary: interaction.summary.clone(),
            // Of a session that was deleted nothing is left.
            details: if interaction.details.is_object() { interaction.details.clone() } else { json!({}) },
            created_at: interaction.created_at,
            status: match interaction.state {
                InteractionState::Pending => InteractionStatus::Pending,
                InteractionState::Decided => InteractionStatus::InFlight,
                InteractionState::Performed => InteractionStatus::Resolved,
                InteractionState::Expired => InteractionStatus::Expired,
            },
            decision: interaction.decision,
            decided_by: interaction.decided_by.clone(),
            resolved_at: interaction.resolved_at,
        }
    }
}
