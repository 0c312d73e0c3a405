//! Messages that leave no row, made events when the rows before them are committed: only then is it known which session
//! they speak of, and whether that is a worker's.

use std::collections::HashMap;

use codex_manager_app_server::classify::Class;
use codex_manager_model::{Seq, SessionId, limits};
use codex_manager_store::{EphemeralEvent, Error, Store};

use super::change::{Card, Told};
use super::signal;

/// A message that leaves no row.
#[derive(Debug)]
pub(super) struct Passing {
    pub told: Told,
    pub class: Class,
}

/// How sessions are introduced by events that leave no row; `None` for a thread that is no session.
#[derive(Default)]
pub(super) struct Cards(HashMap<SessionId, Option<Card>>);

impl Cards {
    /// Remembers how a session is introduced.
    pub(super) fn learn(&mut self, session: SessionId, card: Option<Card>) {
        remember(&mut self.0, session, card);
    }

    /// Looks up the sessions that are spoken of and not known yet.
    pub(super) async fn meet(&mut self, store: &Store, passing: &[Passing]) -> Result<(), Error> {
        for session in passing.iter().filter_map(|passing| passing.told.session.as_ref()) {
            if !self.0.contains_key(session) {
                let wanted = session.clone();
                let found = store.read(move |view| view.session(&wanted)).await?;
                self.learn(session.clone(), found.as_ref().map(signal::card));
            }
        }
        Ok(())
    }

    /// The event that a message comes to, to be told after a row.
    pub(super) fn event(&self, passing: Passing, after: Seq) -> EphemeralEvent {
        let Passing { told, class } = passing;
        let card = told.session.as_ref().and_then(|session| self.0.get(session)).and_then(Option::as_ref);
        let (kind, payload) = signal::event(&told, card, None);
        let key = (class == Class::LatestOnly)
            .then(|| format!("{} {}", told.method, told.session.as_ref().map_or("", SessionId::as_str)));
        let of_worker = card.is_some_and(|card| card.of_worker);
        EphemeralEvent { kind, session: told.session, turn: told.turn, of_worker, payload, at: told.at, after, key }
    }
}

/// Keeps a bounded number: a child that tells of more has all forgotten, and each is learned again when it is told of next.
pub(super) fn remember<V>(known: &mut HashMap<SessionId, V>, session: SessionId, value: V) {
    if known.len() >= limits::SESSIONS_REMEMBERED_MAX && !known.contains_key(&session) {
        known.clear();
    }
    known.insert(session, value);
}

#[cfg(test)]
mod tests {
    use codex_manager_model::Generation;
    use codex_manager_store::Config;
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;

    fn passing(session: &str, class: Class) -> Passing {
        let told = Told {
            generation: Generation::new("gen_1"),
            method: "item/agentMessage/delta".to_owned(),
            params: json!({ "delta": "a" }),
            left_out: None,
            request_id: None,
            session: Some(SessionId::new(session)),
            turn: None,
            at: Timestamp::UNIX_EPOCH,
        };
        Passing { told, class }
    }

    fn card(session: &str, of_worker: bool) -> Card {
        Card { session: SessionId::new(session), shown: json!({ "id": session }), of_worker }
    }

    #[test]
    fn what_a_worker_says_is_raw_and_marked() {
        let mut cards = Cards::default();
        for (session, of_worker) in [("w", true), ("u", false)] {
            cards.learn(SessionId::new(session), Some(card(session, of_worker)));
        }
        let worker = cards.event(passing("w", Class::Ephemeral), Seq(4));
        let raw = json!({ "method": "item/agentMessage/delta", "params": { "delta": "a" } });
        assert_eq!((worker.kind.as_str(), worker.of_worker, worker.payload), ("notification", true, raw));
        let user = cards.event(passing("u", Class::Ephemeral), Seq(4));
        assert_eq!((user.kind.as_str(), user.of_worker), ("app_server.item.agent_message.delta", false));
        assert_eq!(user.payload["signal"]["session"]["id"], "u");
    }

    #[test]
    fn of_gauges_the_newest_of_each_session_counts() {
        let cards = Cards::default();
        let key = |session, class| cards.event(passing(session, class), Seq(0)).key;
        assert_eq!(key("a", Class::Ephemeral), None);
        assert_eq!(key("a", Class::LatestOnly), key("a", Class::LatestOnly));
        assert_ne!(key("a", Class::LatestOnly), key("b", Class::LatestOnly));
    }

    #[tokio::test]
    async fn a_thread_that_is_no_session_is_looked_up_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Config { folder: folder.path().to_owned(), size_bytes_max: None }.open().unwrap();
        let mut cards = Cards::default();
        cards.meet(&store, &[passing("s", Class::Ephemeral)]).await.unwrap();
        assert!(cards.0.contains_key(&SessionId::new("s")));
        let event = cards.event(passing("s", Class::Ephemeral), Seq(0));
        assert_eq!((&event.payload["signal"]["session"], event.of_worker), (&Value::Null, false));
    }

    #[test]
    fn a_child_that_tells_of_ever_more_sessions_is_not_remembered_without_end() {
        let mut cards = Cards::default();
        for n in 0..=limits::SESSIONS_REMEMBERED_MAX {
            cards.learn(SessionId::new(n.to_string()), None);
        }
        assert!(cards.0.len() <= limits::SESSIONS_REMEMBERED_MAX);
        assert!(cards.0.contains_key(&SessionId::new(limits::SESSIONS_REMEMBERED_MAX.to_string())));
    }
}
