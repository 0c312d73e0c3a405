//! The end of an item.

use serde_json::Value;

use super::text;

/// Something that was said or done in a turn has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemCompleted {
    /// Names it within its session.
    pub item: String,
    /// What it is, in Codex's word: `userMessage`, `agentMessage`, `commandExecution`, `fileChange`, …
    pub kind: String,
    /// All of it, as Codex told it.
    pub body: Value,
}

impl ItemCompleted {
    /// Reads the event's payload.
    pub(super) fn read(mut payload: Value) -> Option<Self> {
        let body = payload.pointer_mut("/signal/params/item")?.take();
        Some(Self { item: text(&body["id"])?, kind: text(&body["type"])?, body })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_item_keeps_everything_that_codex_said_of_it() {
        let body = json!({ "type": "agentMessage", "id": "msg_1", "text": "done" });
        let read = ItemCompleted::read(json!({ "signal": { "params": { "item": body } } })).unwrap();
        assert_eq!((read.item.as_str(), read.kind.as_str(), read.body), ("msg_1", "agentMessage", body));
    }
}
