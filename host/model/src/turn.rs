//! Turns.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Generation, SessionId, TurnId};

/// Where a turn stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TurnStatus {
    /// The child is working on it.
    InProgress,
    /// It ended by itself.
    Completed,
    /// It ended with an error.
    Failed,
    /// It was cut short: by a person, by the child's death, or by ours.
    Interrupted,
}

/// One turn of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Chosen by Codex.
    pub id: TurnId,
    /// The session it belongs to.
    pub session: SessionId,
    /// The child that runs or ran it. A turn whose child is gone is over.
    pub generation: Generation,
    /// Where it stands.
    pub status: TurnStatus,
    /// When it was first heard of.
    pub started_at: Timestamp,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
}
