//! What streaming items have said so far.
//!
//! Deltas leave no row. Their text is gathered here and flushed as a row every [`limits::ITEM_FLUSH_INTERVAL`] and
//! when the turn ends, however it ends; so an answer that is cut short does not vanish. Every delta is given its offset,
//! in characters, into the item's text, so that a client joins deltas and flushed text without doubling.

use std::collections::HashMap;

use codex_manager_model::{Item, ItemId, ItemStatus, SessionId, TurnId, limits};
use jiff::Timestamp;
use serde_json::Value;

use super::change::{Change, Step, Told};

/// The items that are streaming now. Beyond their bounds, deltas are passed on and not gathered.
#[derive(Default)]
pub(super) struct OpenItems {
    items: HashMap<(SessionId, ItemId), OpenItem>,
    /// What they take, in bytes.
    bytes: usize,
}

struct OpenItem {
    item: Item,
    /// What it takes, in bytes.
    bytes: usize,
    /// Characters so far, those beyond the text's bound included.
    chars: usize,
    /// Said something that no row holds yet.
    dirty: bool,
}

impl OpenItems {
    /// An item began.
    pub(super) fn open(&mut self, item: Item) {
        self.close(&item.session, &item.id);
        let bytes = item.text.len() + item.body.to_string().len();
        if self.items.len() < limits::OPEN_ITEMS_MAX && self.bytes + bytes <= limits::OPEN_ITEMS_BYTES_MAX {
            self.bytes += bytes;
            let chars = item.text.chars().count();
            self.items.insert((item.session.clone(), item.id.clone()), OpenItem { item, bytes, chars, dirty: false });
        }
    }

    /// An item ended; its last word is in what ended it.
    pub(super) fn close(&mut self, session: &SessionId, item: &ItemId) {
        let closed = self.items.remove(&(session.clone(), item.clone()));
        self.bytes -= closed.map_or(0, |open| open.bytes);
    }

    /// Adds a delta and answers its offset, in characters; `None` for an item that is not open.
    pub(super) fn add(&mut self, session: &SessionId, item: &ItemId, delta: &str) -> Option<usize> {
        let open = self.items.get_mut(&(session.clone(), item.clone()))?;
        let offset = open.chars;
        open.chars += delta.chars().count();
        open.dirty = true;
        let room = limits::ITEM_TEXT_BYTES_MAX.saturating_sub(open.item.text.len());
        let room = room.min(limits::OPEN_ITEMS_BYTES_MAX - self.bytes);
        let taken = &delta[..delta.floor_char_boundary(room)];
        open.item.text.push_str(taken);
        open.bytes += taken.len();
        self.bytes += taken.len();
        Some(offset)
    }

    /// Flushes everything that said something new.
    pub(super) fn flush(&mut self, at: Timestamp) -> Vec<Step> {
        self.flush_where(at, |_| true)
    }

    /// A turn ended: flushes its items. Commands stay open, for they may outlive their turn.
    pub(super) fn end_turn(&mut self, session: &SessionId, turn: &TurnId, at: Timestamp) -> Vec<Step> {
        let of_turn = |item: &Item| item.session == *session && item.turn == *turn;
        let steps = self.flush_where(at, of_turn);
        self.items.retain(|_, open| !of_turn(&open.item) || open.item.kind == "commandExecution");
        self.bytes = self.items.values().map(|open| open.bytes).sum();
        steps
    }

    /// The child is gone: flushes everything and forgets it.
    pub(super) fn end_all(&mut self, at: Timestamp) -> Vec<Step> {
        let steps = self.flush(at);
        *self = Self::default();
        steps
    }

    fn flush_where(&mut self, at: Timestamp, wanted: impl Fn(&Item) -> bool) -> Vec<Step> {
        let mut steps = Vec::new();
        for open in self.items.values_mut().filter(|open| open.dirty && wanted(&open.item)) {
            open.dirty = false;
            let (item, chars) = (open.item.clone(), open.chars);
            steps.push(Step::durable(Change::Flushed { item, chars, at }));
        }
        steps
    }
}

/// The item that a notification tells of.
pub(super) fn item_of(told: &Told) -> Option<Item> {
    let body = &told.params["item"];
    let done = told.method == "item/completed";
    Some(Item {
        id: ItemId::new(body["id"].as_str()?),
        session: told.session.clone()?,
        turn: told.turn.clone()?,
        kind: body["type"].as_str().unwrap_or("unknown").to_owned(),
        status: if done { end_of(body) } else { ItemStatus::Streaming },
        text: text_of(body),
        body: body.clone(),
        started_at: told.at,
        completed_at: done.then_some(told.at),
    })
}

/// The text that an item's own body holds.
fn text_of(body: &Value) -> String {
    let text = body["text"].as_str().or_else(|| body["aggregatedOutput"].as_str()).unwrap_or_default();
    text[..text.floor_char_boundary(limits::ITEM_TEXT_BYTES_MAX)].to_owned()
}

/// How an item ended, by its own word.
fn end_of(body: &Value) -> ItemStatus {
    match body["status"].as_str() {
        Some("failed") => ItemStatus::Error,
        Some("declined") => ItemStatus::Canceled,
        _ => ItemStatus::Complete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(text: &str) -> Item {
        Item {
            id: ItemId::new("i"),
            session: SessionId::new("s"),
            turn: TurnId::new("t"),
            kind: "agentMessage".into(),
            status: ItemStatus::Streaming,
            text: text.into(),
            body: Value::Null,
            started_at: Timestamp::UNIX_EPOCH,
            completed_at: None,
        }
    }

    fn only_flush(steps: &[Step]) -> (&Item, usize) {
        let [Step::Durable(change)] = steps else { panic!("one flush, not {}", steps.len()) };
        let Change::Flushed { item, chars, .. } = change.as_ref() else { panic!("{change:?}") };
        (item, *chars)
    }

    #[test]
    fn deltas_have_offsets_in_characters_and_are_flushed_once() {
        let (session, id) = (SessionId::new("s"), ItemId::new("i"));
        let mut open = OpenItems::default();
        assert_eq!(open.add(&session, &id, "early"), None);
        open.open(item("é"));
        assert_eq!(open.add(&session, &id, "ü€"), Some(1));
        assert_eq!(open.add(&session, &id, "x"), Some(3));
        let flushed = open.flush(Timestamp::UNIX_EPOCH);
        let (item, chars) = only_flush(&flushed);
        assert_eq!((item.text.as_str(), chars), ("éü€x", 4));
        assert!(open.flush(Timestamp::UNIX_EPOCH).is_empty(), "nothing new was said");
    }

    #[test]
    fn all_items_together_are_bounded() {
        let session = SessionId::new("s");
        let mut open = OpenItems::default();
        let much = "x".repeat(limits::ITEM_TEXT_BYTES_MAX);
        let many = limits::OPEN_ITEMS_BYTES_MAX / limits::ITEM_TEXT_BYTES_MAX + 8;
        let ids: Vec<_> = (0..many).map(|n| ItemId::new(n.to_string())).collect();
        for id in &ids {
            open.open(Item { id: id.clone(), ..item("") });
            open.add(&session, id, &much);
        }
        let held = |open: &OpenItems| open.items.values().map(|open| open.item.text.len()).sum::<usize>();
        assert!(held(&open) <= limits::OPEN_ITEMS_BYTES_MAX);
        assert_eq!(open.add(&session, &ids[many - 1], "x"), None, "there was no room for it");

        open.close(&session, &ids[0]);
        open.open(item("again"));
        assert_eq!(open.add(&session, &ItemId::new("i"), "x"), Some(5), "there is room once others have ended");
        ids.iter().for_each(|id| open.close(&session, id));
        open.close(&session, &ItemId::new("i"));
        assert_eq!(open.bytes, 0);
    }

    #[test]
    fn text_is_bounded_and_offsets_go_on() {
        let (session, id) = (SessionId::new("s"), ItemId::new("i"));
        let mut open = OpenItems::default();
        open.open(item(""));
        let much = "€".repeat(limits::ITEM_TEXT_BYTES_MAX / 3);
        open.add(&session, &id, &much);
        assert_eq!(open.add(&session, &id, "€€"), Some(limits::ITEM_TEXT_BYTES_MAX / 3));
        let flushed = open.flush(Timestamp::UNIX_EPOCH);
        let (item, chars) = only_flush(&flushed);
        assert!(item.text.len() <= limits::ITEM_TEXT_BYTES_MAX);
        assert_eq!(chars, limits::ITEM_TEXT_BYTES_MAX / 3 + 2);
    }
}
