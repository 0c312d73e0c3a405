//! The end of an approval.

use serde_json::Value;

use super::{Approval, text};

/// An approval was decided, or can no longer be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalResolved {
    /// The approval.
    pub approval: Approval,
    /// What became of it.
    pub outcome: Outcome,
    /// Who decided: `user`, `token:<id>`, `extension:<id>`. Nobody, where it expired.
    pub actor: Option<String>,
}

/// What became of an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It may be done.
    Accepted,
    /// It may not be done; the turn goes on.
    Declined,
    /// It may not be done, and the turn ends.
    Canceled,
    /// Nobody can decide it any more: its turn is over, or Codex is gone.
    Expired,
    /// Something else, in the host's word.
    Other(String),
}

impl ApprovalResolved {
    /// Reads the event's payload.
    pub(super) fn read(payload: &Value) -> Option<Self> {
        let status = payload["status"].as_str()?;
        let word = if status == "resolved" { payload["decision"].as_str()? } else { status };
        let outcome = match word {
            "accept" => Outcome::Accepted,
            "decline" => Outcome::Declined,
            "cancel" => Outcome::Canceled,
            "expired" => Outcome::Expired,
            other => Outcome::Other(other.to_owned()),
        };
        let approval = Approval(text(&payload["approvalId"])?);
        Some(Self { approval, outcome, actor: text(&payload["actor"]) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_approval_says_what_became_of_it_and_by_whom() {
        let resolved = |status: &str, decision: Value, actor: Value| {
            let payload = json!({ "approvalId": "apr_1", "status": status, "decision": decision, "actor": actor });
            let read = ApprovalResolved::read(&payload).unwrap();
            assert_eq!(read.approval, Approval("apr_1".to_owned()));
            (read.outcome, read.actor)
        };
        let guard = "extension:codex-manager.guard";
        assert_eq!(resolved("resolved", json!("decline"), json!(guard)), (Outcome::Declined, Some(guard.to_owned())));
        assert_eq!(resolved("expired", json!("accept"), Value::Null), (Outcome::Expired, None));
        assert_eq!(resolved("resolved", json!("defer"), Value::Null), (Outcome::Other("defer".to_owned()), None));
    }
}
