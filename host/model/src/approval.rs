//! Approvals: questions of the child that block a turn until somebody decides.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Actor, ApprovalId, Generation, ItemId, SessionId, TurnId};

/// Where an approval stands. It moves forward only: `Pending → Decided → Performed`, or to `Expired` from either of the first two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ApprovalState {
    /// Nobody has decided.
    Pending,
    /// A decision is recorded and is on its way to the child that asked.
    Decided,
    /// The child has said that the request is resolved.
    Performed,
    /// It can no longer be answered: its turn, its session or its child is gone.
    Expired,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[serde(rename_all = "camelCase")]
pub enum DecisionScope {
    /// This one request.
    #[default]
    Turn,
    /// The same request again, for as long as the session lasts.
    Session,
}

/// One request for approval.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    /// Ours; single use.
    pub id: ApprovalId,
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
    pub state: ApprovalState,
    /// What was decided, once it was.
    pub decision: Option<Decision>,
    /// How far the decision reaches, once there is one.
    pub scope: Option<DecisionScope>,
    /// Who decided.
    pub decided_by: Option<Actor>,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When it left `Pending`.
    pub resolved_at: Option<Timestamp>,
}
