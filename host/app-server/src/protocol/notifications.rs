//! What is read of notifications here. Whoever passes them on whole takes their parameters as they are.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Told, Turn};

/// Reads the parameters of a notification.
///
/// # Errors
/// Where a member is missing or of another kind than it was with 0.169.
pub fn read<T: DeserializeOwned>(params: &Value) -> Result<T, serde_json::Error> {
    T::deserialize(params)
}

/// `turn/completed`, however the turn ended. Items that are still open get no `item/completed` any more, or get it
/// later: whoever keeps items closes them here, and takes late news of them all the same.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnCompleted {
    /// The thread.
    pub thread_id: String,
    /// The turn.
    pub turn: Told<Turn>,
}

/// What the pieces of an item have in common: `item/agentMessage/delta`, `item/commandExecution/outputDelta`, ….
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delta {
    /// The thread.
    pub thread_id: String,
    /// The turn.
    pub turn_id: String,
    /// The item.
    pub item_id: String,
    /// The piece.
    pub delta: String,
}
