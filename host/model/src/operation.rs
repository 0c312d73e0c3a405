//! Operations: what is to be done by the child, recorded before it is sent.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Actor, Cause, Generation, InteractionId, OperationId, SessionId};

/// Which of the two things that go to the child an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum OperationKind {
    /// A request of ours. Recorded and never written, it goes to the next child.
    Call,
    /// An answer to a request of the child. It is for that child alone.
    Reply,
}

/// Where an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum OperationState {
    /// Recorded; no byte of it has been written.
    Recorded,
    /// About to be written, or written: if the child or the host dies now, nobody knows whether it took effect.
    Sending,
    /// A call was answered, or a reply was written.
    Answered,
    /// The child refused it, or it is known not to have happened.
    Failed,
    /// Written and never answered, and not (yet) found out. Never sent again on a guess.
    Unknown,
    /// A reply whose child was gone before it was written. Nothing was sent.
    Void,
}

impl OperationState {
    /// Whether nothing will change any more without somebody asking.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Answered | Self::Failed | Self::Void)
    }
}

/// One row of the outbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Ours. A `turn/start` carries it as `clientUserMessageId`, by which its outcome can be found again.
    pub id: OperationId,
    /// Call or reply.
    pub kind: OperationKind,
    /// The JSON-RPC method called, or the method of the request answered.
    pub method: String,
    /// The session concerned; operations of one session go out in the order they were recorded.
    pub session: Option<SessionId>,
    /// The interaction answered, for a reply.
    pub interaction: Option<InteractionId>,
    /// For a reply the child that asked; for a call the child it was written to.
    pub generation: Option<Generation>,
    /// The call's params, or the reply's `{"id": …, "result": …}`.
    pub body: Value,
    /// Where it stands.
    pub state: OperationState,
    /// The call's result, or `{"code", "message"}` of what went wrong.
    pub outcome: Option<Value>,
    /// Who asked for it.
    pub actor: Actor,
    /// The event because of which it was asked for, where there was one.
    pub cause: Option<Cause>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When its state last changed.
    pub updated_at: Timestamp,
}
