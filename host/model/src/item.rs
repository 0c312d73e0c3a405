//! Items: what a turn is made of, as far as our own log knows them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ItemId, SessionId, TurnId};

/// Where an item stands, in the words of transcripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum ItemStatus {
    /// Text is still coming, or the command still runs.
    Streaming,
    /// It ended by itself.
    Complete,
    /// It was cut short.
    Canceled,
    /// It ended with an error.
    Error,
}

/// One item of a turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Chosen by Codex.
    pub id: ItemId,
    /// The session it belongs to.
    pub session: SessionId,
    /// The turn it belongs to.
    pub turn: TurnId,
    /// Codex's word for its kind: `agentMessage`, `commandExecution`, ….
    pub kind: String,
    /// Where it stands.
    pub status: ItemStatus,
    /// What it has said so far: the answer's text, or the command's output. At most [`crate::limits::ITEM_TEXT_BYTES_MAX`].
    pub text: String,
    /// The item as Codex last told it.
    pub body: Value,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
}
