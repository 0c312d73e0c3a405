//! Claims: what only one group of actions may have.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that only one group may have, such as `door:front`. Two are the same if their texts are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Claim(String);

/// How a claim is read off a payload, as data: a prefix, and the JSON pointer of the id that follows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimRule {
    /// What is claimed: `door`, `window`, ….
    pub noun: String,
    /// Where in the payload the id lies, as a JSON pointer: `/door`.
    pub pointer: String,
    /// What of it is claimed, where that is not the whole: `lock` makes `door:<id>:lock`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
}

/// Which way an action decides an interaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It must not happen.
    Decline,
    /// It may happen.
    Accept,
}

impl Claim {
    /// Wraps the text of a claim.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The claim as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ClaimRule {
    /// Whether two rules may claim the same thing.
    pub(crate) fn is_about_the_same(&self, other: &Self) -> bool {
        self.noun == other.noun && self.part == other.part
    }

    /// The claim `noun:<the text at pointer>`.
    pub fn new(noun: impl Into<String>, pointer: impl Into<String>) -> Self {
        Self { noun: noun.into(), pointer: pointer.into(), part: None }
    }

    /// The same, for a part of the thing alone.
    #[must_use]
    pub fn part(mut self, part: impl Into<String>) -> Self {
        self.part = Some(part.into());
        self
    }

    /// The claim that this payload makes; `None` if there is no text where the id should be.
    pub fn of(&self, payload: &Value) -> Option<Claim> {
        let id = payload.pointer(&self.pointer)?.as_str().filter(|id| !id.is_empty())?;
        let noun = &self.noun;
        Some(Claim(match &self.part {
            None => format!("{noun}:{id}"),
            Some(part) => format!("{noun}:{id}:{part}"),
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_read_off_a_payload() {
        let door = ClaimRule::new("door", "/door");
        let lock = ClaimRule::new("house", "/house/id").part("lock");
        let of = |rule: &ClaimRule, payload: Value| rule.of(&payload).map(|claim| claim.to_string());
        assert_eq!(of(&door, json!({"door": "front"})).as_deref(), Some("door:front"));
        assert_eq!(of(&lock, json!({"house": {"id": "h"}})).as_deref(), Some("house:h:lock"));
        for none in [json!({}), json!({"door": 7}), json!({"door": ""}), json!("front")] {
            assert_eq!(of(&door, none), None);
        }
    }
}
