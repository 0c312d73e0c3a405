//! Events as a handler gets them, and the facts that are known by type.

mod approval;
mod change;
mod item;
mod resolved;
mod turn;

use serde_json::Value;

use crate::Fault;

pub use approval::{Approval, ApprovalRequested, Ask, CommandLine};
pub use change::{ChangeKind, FileChange};
pub use item::ItemCompleted;
pub use resolved::{ApprovalResolved, Outcome};
pub use turn::{TurnCompleted, TurnEnd};

/// What happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Names this event and no other; the same each time it is offered.
    pub id: String,
    /// Its place in the log.
    pub seq: u64,
    /// What happened, such as `app_server.turn.completed`.
    pub kind: String,
    /// The session it concerns; none concerns everybody.
    pub session: Option<String>,
    /// The turn it concerns.
    pub turn: Option<String>,
    /// When it happened, in milliseconds since 1970 (UTC).
    pub at_ms: u64,
    /// The place of the event that caused it, where one did.
    pub caused_by: Option<u64>,
    /// How many causes lie behind it.
    pub hops: u32,
    /// What there is to say about it: a JSON object.
    pub payload: String,
}

/// What an event says, as far as this version of the SDK knows its kind.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Fact {
    /// Codex asks whether it may do something, and a turn waits for the answer.
    ApprovalRequested(ApprovalRequested),
    /// An approval was decided, or can no longer be.
    ApprovalResolved(ApprovalResolved),
    /// Something that was said or done in a turn has ended: a message, a command, a change of files.
    ItemCompleted(ItemCompleted),
    /// A turn has ended.
    TurnCompleted(TurnCompleted),
    /// An event of another kind, with its payload.
    Other(Value),
}

impl Event {
    /// What it says.
    ///
    /// # Errors
    ///
    /// `bad-payload`, where the payload is not what the kind promises.
    pub fn fact(&self) -> Result<Fact, Fault> {
        let payload = self.parsed()?;
        let read = match self.kind.as_str() {
            kind if approval::KINDS.contains(&kind) => ApprovalRequested::read(payload).map(Fact::ApprovalRequested),
            "approval_resolved" => ApprovalResolved::read(&payload).map(Fact::ApprovalResolved),
            "app_server.item.completed" => ItemCompleted::read(payload).map(Fact::ItemCompleted),
            "app_server.turn.completed" => TurnCompleted::read(&payload).map(Fact::TurnCompleted),
            _ => Some(Fact::Other(payload)),
        };
        read.ok_or_else(|| self.lacking())
    }

    /// The request for an approval that it is, if it is one. For who needs no other fact: a component carries what it
    /// calls, and this is less than [`fact`](Self::fact).
    ///
    /// # Errors
    ///
    /// `bad-payload`, where the payload is not what the kind promises.
    pub fn approval_requested(&self) -> Result<Option<ApprovalRequested>, Fault> {
        if !approval::KINDS.contains(&self.kind.as_str()) {
            return Ok(None);
        }
        ApprovalRequested::read(self.parsed()?).ok_or_else(|| self.lacking()).map(Some)
    }

    fn parsed(&self) -> Result<Value, Fault> {
        serde_json::from_str(&self.payload).map_err(|error| self.bad_payload(error))
    }

    fn lacking(&self) -> Fault {
        self.bad_payload("it lacks what every event of this kind has")
    }

    fn bad_payload(&self, why: impl std::fmt::Display) -> Fault {
        Fault::new("bad-payload", format_args!("event {} of kind {}: {why}", self.seq, self.kind))
    }
}

/// A text out of a payload.
fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, payload: &str) -> Event {
        Event { seq: 7, kind: kind.to_owned(), payload: payload.to_owned(), ..Event::default() }
    }

    #[test]
    fn a_kind_that_is_not_known_keeps_its_payload() {
        let fact = event("window.broken", r#"{"pane": 3}"#).fact().unwrap();
        assert_eq!(fact, Fact::Other(serde_json::json!({ "pane": 3 })));
    }

    #[test]
    fn a_payload_that_cannot_be_read_is_a_fault_that_names_the_event() {
        for (kind, payload) in [
            ("window.broken", "{"),
            (approval::KINDS[0], "{}"),
            ("approval_resolved", "{}"),
            ("app_server.item.completed", "[]"),
            ("app_server.turn.completed", r#"{"signal": {"params": null}}"#),
        ] {
            let fault = event(kind, payload).fact().unwrap_err();
            assert_eq!(fault.code, "bad-payload");
            assert!(fault.message.starts_with("event 7 of kind "), "{}", fault.message);
        }
    }
}
