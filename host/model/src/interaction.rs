//! Interactions: what the child asks and waits for, until somebody answers or nobody can any more.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Actor, Generation, InteractionId, ItemId, SessionId, TurnId};

/// What kind of answer the child waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum InteractionKind {
    /// Whether it may do something.
    Approval,
    /// What only a person can tell it.
    ToolInput,
    /// What a tool comes to that is not its own.
    ToolCall,
}

/// Where an interaction stands. It moves forward only: `Pending → Decided → Performed`, or to `Expired` from either of the first two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum InteractionState {
    /// Nobody has decided.
    Pending,
    /// A decision is recorded and is being written to the child that asked.
    Decided,
    /// The decision was written, or the child has said that it has it.
    Performed,
    /// It can no longer be answered: its turn, its session or its child is gone.
    Expired,
}

/// What was decided. Of a tool call: `Accept` is a success, `Decline` a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum Decision {
    /// Do it.
    Accept,
    /// Do not do it; the turn goes on.
    Decline,
    /// Do not do it, and end the turn.
    Cancel,
}

/// How far an acceptance reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum DecisionScope {
    /// This one request.
    #[default]
    Turn,
    /// The same request again, for as long as the session lasts.
    Session,
}

/// One request of the child that somebody here can answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Interaction {
    /// Ours; single use.
    pub id: InteractionId,
    /// What it waits for.
    pub kind: InteractionKind,
    /// The child that asked. Nobody else is ever answered.
    pub generation: Generation,
    /// The child's own id of the request, echoed in the reply.
    pub request_id: Value,
    /// The child's method, which decides the words of the reply.
    pub method: String,
    /// The session that waits.
    pub session: SessionId,
    /// The turn that waits.
    pub turn: Option<TurnId>,
    /// The item that waits.
    pub item: Option<ItemId>,
    /// One line for people.
    pub summary: String,
    /// The request's parameters, as Codex sent them.
    pub details: Value,
    /// Where it stands.
    pub state: InteractionState,
    /// What was decided, once it was.
    pub decision: Option<Decision>,
    /// How far the decision reaches, once there is one; approvals only, and only where no `response` says it.
    pub scope: Option<DecisionScope>,
    /// What was answered, where the decision's word does not say it all; approvals only.
    pub response: Option<Value>,
    /// Who decided.
    pub decided_by: Option<Actor>,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When it left `Pending`.
    pub resolved_at: Option<Timestamp>,
}
