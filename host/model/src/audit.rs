//! Who had what done, as it is kept for whoever has to look into it later.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Actor, Role};

/// One request that acts: who made it, about what, and how it was answered. Nothing of what it said is part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// When it was answered.
    pub at: Timestamp,
    /// Who made it.
    pub actor: Actor,
    /// As what.
    pub role: Role,
    /// The method.
    pub method: String,
    /// The path as the table of routes has it.
    pub route: String,
    /// The ids in the path, by name.
    pub targets: Map<String, Value>,
    /// The status of the answer; `None` when its client did not wait for it.
    pub status: Option<u16>,
    /// The id of the request, by which logs know it too.
    pub request_id: String,
}
