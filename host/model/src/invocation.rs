//! Invocations: what an extension's handler was told, what it read, and what became of what it wanted.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{InvocationId, Seq, SessionId};

/// What became of an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvocationOutcome {
    /// Its actions were applied, all of them.
    Applied,
    /// It wanted nothing.
    Abstained,
    /// Somebody else had what it claimed. None of its actions was applied.
    NotEligible,
    /// It may not want that now, whoever else does. None of its actions was applied.
    Barred,
    /// One of its actions could not be applied, so none was.
    Refused,
    /// It trapped, or used up what it may use.
    Failed,
    /// It answered when the time to answer was over.
    Late,
    /// What it was about had been settled before.
    Expired,
    /// It was called off.
    Withdrawn,
}

/// The record of one run of a handler. With the event it is all that is needed to run it again and get the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// Ours.
    pub id: InvocationId,
    /// The extension, by its id.
    pub extension: String,
    /// Its version, as its manifest has it.
    pub version: String,
    /// The digest of the component that ran.
    pub digest: String,
    /// Which of its handlers.
    pub handler: String,
    /// The event that it was told.
    pub event: Seq,
    /// The session that the event concerns.
    pub session: Option<SessionId>,
    /// What its clock said at the start.
    pub at: Timestamp,
    /// What its random numbers were made from.
    pub seed: [u8; 32],
    /// What became of it.
    pub outcome: InvocationOutcome,
    /// The same for a reader, where there is more to say.
    pub sentence: Option<String>,
    /// The actions that it returned.
    pub actions: Value,
    /// What the capabilities answered it; null in lists, which leave it out.
    pub journal: Value,
    /// What it logged.
    pub log: Value,
    /// How long it computed, in microseconds.
    pub cpu_us: u64,
    /// How long it took, in microseconds.
    pub wall_us: u64,
    /// How much memory it had in the end, in bytes.
    pub memory_bytes: u64,
}
