//! The end of a turn.

use serde_json::Value;

use super::text;

/// A turn has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnCompleted {
    /// The turn.
    pub turn: String,
    /// How it ended.
    pub end: TurnEnd,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TurnEnd {
    /// It came to its end.
    Completed,
    /// Somebody ended it.
    Interrupted,
    /// It could not go on, with what Codex says about it.
    Failed(String),
    /// In another way, in Codex's word.
    Other(String),
}

impl TurnCompleted {
    /// Reads the event's payload.
    pub(super) fn read(payload: &Value) -> Option<Self> {
        let turn = payload.pointer("/signal/params/turn")?;
        let end = match turn["status"].as_str()? {
            "completed" => TurnEnd::Completed,
            "interrupted" => TurnEnd::Interrupted,
            "failed" => TurnEnd::Failed(text(&turn["error"]["message"]).unwrap_or_default()),
            other => TurnEnd::Other(other.to_owned()),
        };
        Some(Self { turn: text(&turn["id"])?, end })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn end(turn: Value) -> TurnEnd {
        TurnCompleted::read(&json!({ "signal": { "params": { "turn": turn } } })).unwrap().end
    }

    #[test]
    fn a_turn_says_how_it_ended() {
        assert_eq!(end(json!({ "id": "t", "status": "completed", "error": null })), TurnEnd::Completed);
        assert_eq!(end(json!({ "id": "t", "status": "interrupted" })), TurnEnd::Interrupted);
        let failed = json!({ "id": "t", "status": "failed", "error": { "message": "no quota" } });
        assert_eq!(end(failed), TurnEnd::Failed("no quota".to_owned()));
        assert_eq!(end(json!({ "id": "t", "status": "paused" })), TurnEnd::Other("paused".to_owned()));
    }
}
