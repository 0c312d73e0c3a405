//! Actions: what a handler asks the host to do.

use serde_json::{Value, json};

use crate::Approval;

/// Something that the host is asked to do, once the handler has returned.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Let it happen. Declines of others come before it.
    ApprovalAccept(Approval),
    /// Do not let it happen; the turn goes on.
    ApprovalDecline {
        /// What is declined.
        approval: Approval,
        /// Why, for people.
        reason: String,
    },
    /// Put a row into a session's transcript, or change the one of the same id.
    TranscriptUpsert(Row),
    /// Another kind of action, with its payload.
    Other {
        /// Its kind, as the manifest lists it.
        kind: String,
        /// Its payload: a JSON object.
        payload: Value,
    },
}

/// A row of a transcript, complete as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The session.
    pub session: String,
    /// The turn.
    pub turn: String,
    /// Names the row: the same id again changes it.
    pub id: String,
    /// What kind of row, in the extension's own words.
    pub kind: String,
    /// What people read.
    pub content: String,
    /// The item after which it stands; none leaves the place to the host.
    pub after_item: Option<String>,
}

impl Action {
    /// Its kind, as the manifest lists it under `[actions]`.
    pub fn kind(&self) -> &str {
        match self {
            Self::ApprovalAccept(_) => "approval.accept",
            Self::ApprovalDecline { .. } => "approval.decline",
            Self::TranscriptUpsert(_) => "transcript.upsert",
            Self::Other { kind, .. } => kind,
        }
    }

    /// Its payload, as it crosses the boundary.
    pub fn payload(&self) -> Value {
        self.clone().into_payload()
    }

    /// The same without a copy.
    pub(crate) fn into_payload(self) -> Value {
        match self {
            Self::ApprovalAccept(Approval(id)) => json!({ "approvalId": id }),
            Self::ApprovalDecline { approval: Approval(id), reason } => json!({ "approvalId": id, "reason": reason }),
            Self::TranscriptUpsert(row) => json!({ "sessionId": row.session, "entry": row.entry() }),
            Self::Other { payload, .. } => payload,
        }
    }
}

impl Row {
    fn entry(&self) -> Value {
        let mut entry = json!({
            "messageId": self.id,
            "turnId": self.turn,
            "role": "system",
            "type": self.kind,
            "content": self.content,
            "status": "complete",
        });
        if let Some(item) = &self.after_item {
            entry["details"] = json!({ "anchorItemId": item });
        }
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_crosses_as_an_entry() {
        let mut row = Row {
            session: "s".to_owned(),
            turn: "t".to_owned(),
            id: "guard-1".to_owned(),
            kind: "guard.declined".to_owned(),
            content: "no".to_owned(),
            after_item: None,
        };
        assert_eq!(row.entry().get("details"), None);
        row.after_item = Some("call_1".to_owned());
        let action = Action::TranscriptUpsert(row);
        assert_eq!(action.kind(), "transcript.upsert");
        let expected = json!({ "sessionId": "s", "entry": {
            "messageId": "guard-1", "turnId": "t", "role": "system", "type": "guard.declined", "content": "no",
            "status": "complete", "details": { "anchorItemId": "call_1" },
        }});
        assert_eq!(action.payload(), expected);
    }
}
