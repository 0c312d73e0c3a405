//! From a signal of the child to its consequences. Keeps only what is streaming now, and what it needs to tell a
//! message's turn and session; nothing here is awaited, written or decided.

use std::collections::HashMap;

use codex_manager_app_server::Signal;
use codex_manager_app_server::classify::{Class, classify};
use codex_manager_model::{Generation, ItemId, SessionId, TurnId};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::change::{Change, Step, Told};
use super::items::{OpenItems, item_of};
use super::left_out::{LeftOut, Reason};
use super::passing::{Passing, remember};
use super::{request, signal};

/// Translates signals.
#[derive(Default)]
pub(super) struct Translator {
    items: OpenItems,
    /// The turn each session is in, for messages that do not say.
    turns: HashMap<SessionId, TurnId>,
}

impl Translator {
    /// Appends the consequences of `signal` to `steps`.
    pub(super) fn take(&mut self, signal: Signal, steps: &mut Vec<Step>) {
        match signal {
            Signal::Started { generation, pid, at } => {
                steps.push(Step::durable(Change::ChildReady { generation, pid, at }));
            }
            Signal::Resting { phase, last_exit, at } => {
                steps.push(Step::durable(Change::ChildRests { phase, last_exit, at }));
            }
            Signal::Exited { generation, exit } => {
                steps.extend(self.items.end_all(exit.at));
                self.turns.clear();
                steps.push(Step::durable(Change::ChildGone { generation, exit }));
            }
            Signal::Notification { generation, method, params, at } => {
                let told = self.told(generation, method, params, None, at);
                self.notification(told, steps);
            }
            Signal::Request { generation, id, method, params, at } => {
                let told = self.told(generation, method, params, Some(id), at);
                steps.push(Step::durable(match request::interaction(&told) {
                    Some(interaction) => Change::Asked(told, Box::new(interaction)),
                    None => Change::Refused(told),
                }));
            }
            Signal::Noise { generation, what } => {
                tracing::warn!(%generation, what, "the child said what is not understood")
            }
        }
    }

    /// What has been said since the last flush.
    pub(super) fn flush(&mut self, at: Timestamp) -> Vec<Step> {
        self.items.flush(at)
    }

    fn told(
        &self,
        generation: Generation,
        method: String,
        params: Value,
        request_id: Option<Value>,
        at: Timestamp,
    ) -> Told {
        let left_out = LeftOut::of(&params);
        if let Some(LeftOut { reason, bytes }) = left_out {
            tracing::warn!(%generation, method, ?reason, bytes, "an event is told without the child's params");
        }
        let too_deep = left_out.is_some_and(|left_out| left_out.reason == Reason::TooDeep);
        let params = if too_deep { Value::Null } else { params };
        let session = signal::thread_of(&params);
        let turn =
            signal::turn_of(&params).or_else(|| session.as_ref().and_then(|session| self.turns.get(session)).cloned());
        Told { generation, method, params, left_out, request_id, session, turn, at }
    }

    fn notification(&mut self, told: Told, steps: &mut Vec<Step>) {
        let class = classify(&told.method);
        if class == Class::Durable {
            self.follow(&told, steps);
            steps.push(Step::durable(Change::Told(told)));
        } else {
            let told = self.placed(told);
            steps.push(Step::Passing(Box::new(Passing { told, class })));
        }
    }

    /// Keeps up with what is streaming. A turn's end flushes what its items said, before the row that ends it.
    fn follow(&mut self, told: &Told, steps: &mut Vec<Step>) {
        let Some(session) = &told.session else { return };
        match (told.method.as_str(), &told.turn) {
            ("turn/started", Some(turn)) => {
                remember(&mut self.turns, session.clone(), turn.clone());
            }
            ("turn/completed", Some(turn)) => {
                steps.extend(self.items.end_turn(session, turn, told.at));
                // The end of an earlier turn may be told late, or twice.
                if self.turns.get(session) == Some(turn) {
                    self.turns.remove(session);
                }
            }
            ("item/started", _) => {
                if let Some(item) = item_of(told) {
                    self.items.open(item);
                }
            }
            ("item/completed", _) => {
                if let Some(item) = told.params["item"]["id"].as_str() {
                    self.items.close(session, &ItemId::new(item));
                }
            }
            _ => {}
        }
    }

    /// A piece of an item says where in it it belongs.
    fn placed(&mut self, mut told: Told) -> Told {
        let offset = match (&told.session, told.params["itemId"].as_str(), told.params["delta"].as_str()) {
            (Some(session), Some(item), Some(delta)) => self.items.add(session, &ItemId::new(item), delta),
            _ => None,
        };
        if let Some(offset) = offset {
            // They are an object: an item's id was read from them.
            told.params["offset"] = json!(offset);
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use codex_manager_model::limits;

    use super::*;

    fn take(translator: &mut Translator, method: &str, params: Value) -> Vec<Step> {
        let (generation, at) = (Generation::new("gen_1"), Timestamp::UNIX_EPOCH);
        let mut steps = Vec::new();
        translator.take(Signal::Notification { generation, method: method.to_owned(), params, at }, &mut steps);
        steps
    }

    /// More than an event carries.
    fn large() -> String {
        "x".repeat(limits::EVENT_PAYLOAD_BYTES_MAX)
    }

    fn turn(session: &str, turn: &str) -> Value {
        json!({ "threadId": session, "turn": { "id": turn } })
    }

    fn told(steps: &[Step]) -> &Told {
        match steps.last() {
            Some(Step::Durable(change)) => match change.as_ref() {
                Change::Told(told) => told,
                other => panic!("{other:?}"),
            },
            _ => panic!("a row was expected"),
        }
    }

    #[test]
    fn what_an_item_said_last_is_flushed_before_the_row_that_ends_its_turn() {
        let mut translator = Translator::default();
        take(&mut translator, "turn/started", turn("s", "t"));
        let item = json!({ "threadId": "s", "turnId": "t", "item": { "id": "i", "type": "agentMessage", "text": "" } });
        take(&mut translator, "item/started", item);
        let delta = json!({ "threadId": "s", "turnId": "t", "itemId": "i", "delta": "half an ans" });
        let steps = take(&mut translator, "item/agentMessage/delta", delta);
        let [Step::Passing(passing)] = steps.as_slice() else { panic!("a delta is no row") };
        assert_eq!(passing.told.params["offset"], 0);

        let steps = take(&mut translator, "turn/completed", turn("s", "t"));
        assert_eq!(steps.len(), 2);
        let Step::Durable(first) = &steps[0] else { panic!("a flush is a row") };
        let Change::Flushed { item, .. } = first.as_ref() else { panic!("{first:?}") };
        assert_eq!((item.text.as_str(), told(&steps).method.as_str()), ("half an ans", "turn/completed"));
    }

    #[test]
    fn a_delta_without_measure_is_gathered_and_told_without_its_text() {
        let mut translator = Translator::default();
        let item = json!({ "threadId": "s", "turnId": "t", "item": { "id": "i", "type": "agentMessage" } });
        take(&mut translator, "item/started", item);
        let params = json!({ "threadId": "s", "turnId": "t", "itemId": "i", "delta": large() });
        let bytes = params.to_string().len();
        let steps = take(&mut translator, "item/agentMessage/delta", params);
        let [Step::Passing(passing)] = steps.as_slice() else { panic!("a delta is no row") };
        assert_eq!((passing.told.shown(), passing.told.session.as_ref()), (None, Some(&SessionId::new("s"))));
        assert_eq!(json!(passing.told.left_out), json!({ "reason": "too_large", "bytes": bytes }));
        let flushed = translator.flush(Timestamp::UNIX_EPOCH);
        let [Step::Durable(change)] = flushed.as_slice() else { panic!("one flush") };
        let Change::Flushed { item, .. } = change.as_ref() else { panic!("{change:?}") };
        assert_eq!(item.text.len(), limits::ITEM_TEXT_BYTES_MAX);
    }

    #[test]
    fn nobody_is_asked_to_approve_what_cannot_be_shown() {
        let params = json!({ "threadId": "s", "turnId": "t", "itemId": "i", "command": large() });
        let (generation, at) = (Generation::new("gen_1"), Timestamp::UNIX_EPOCH);
        let method = "item/commandExecution/requestApproval".to_owned();
        let mut steps = Vec::new();
        Translator::default().take(Signal::Request { generation, id: json!(1), method, params, at }, &mut steps);
        let [Step::Durable(change)] = steps.as_slice() else { panic!("one row") };
        assert!(matches!(change.as_ref(), Change::Refused(told) if told.shown().is_none()));
    }

    #[test]
    fn the_late_end_of_an_earlier_turn_does_not_end_the_one_that_runs() {
        let mut translator = Translator::default();
        take(&mut translator, "turn/started", turn("s", "old"));
        take(&mut translator, "turn/started", turn("s", "new"));
        take(&mut translator, "turn/completed", turn("s", "old"));
        let unsaid = json!({ "threadId": "s", "status": { "type": "active" } });
        let steps = take(&mut translator, "thread/status/changed", unsaid.clone());
        assert_eq!(told(&steps).turn, Some(TurnId::new("new")));
        take(&mut translator, "turn/completed", turn("s", "new"));
        assert_eq!(told(&take(&mut translator, "thread/status/changed", unsaid)).turn, None);
    }

    #[test]
    fn a_child_that_tells_of_ever_more_sessions_is_not_remembered_without_end() {
        let mut translator = Translator::default();
        for n in 0..=limits::SESSIONS_REMEMBERED_MAX {
            take(&mut translator, "turn/started", turn(&n.to_string(), "t"));
        }
        assert!(translator.turns.len() <= limits::SESSIONS_REMEMBERED_MAX);
        let last = SessionId::new(limits::SESSIONS_REMEMBERED_MAX.to_string());
        assert!(translator.turns.contains_key(&last));
    }
}
