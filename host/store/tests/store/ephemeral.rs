//! Events beside the log.

use codex_manager_model::limits::{EPHEMERAL_BYTES_MAX, EPHEMERAL_EVENTS_MAX, LATEST_EVENTS_MAX};
use codex_manager_model::{Seq, SessionId};
use codex_manager_store::{Ephemeral, EphemeralEvent, EphemeralReader, Lagged};
use serde_json::{Value, json};

use crate::fixture::at;

fn delta(payload: Value, key: Option<&str>) -> EphemeralEvent {
    EphemeralEvent {
        kind: "app_server.item.agent_message.delta".into(),
        session: Some(SessionId::new("s")),
        turn: None,
        of_worker: false,
        payload,
        at: at(0),
        after: Seq(1),
        key: key.map(str::to_owned),
    }
}

fn rest(reader: &mut EphemeralReader) -> Vec<Result<Value, Lagged>> {
    std::iter::from_fn(|| reader.try_recv()).map(|next| next.map(|event| event.payload.clone())).collect()
}

#[tokio::test]
async fn a_reader_gets_what_is_told_from_now_on_in_order() {
    let ring = Ephemeral::new();
    ring.publish(delta(json!("before"), None));
    let mut reader = ring.subscribe();
    assert!(reader.try_recv().is_none());
    let waiting = tokio::spawn(async move {
        let first = reader.recv().await.unwrap().unwrap();
        (first, reader)
    });
    ring.publish(delta(json!(1), None));
    let (first, mut reader) = waiting.await.unwrap();
    assert_eq!(*first, delta(json!(1), None));
    ring.publish(delta(json!(2), None));
    ring.publish(delta(json!(3), None));
    assert_eq!(rest(&mut reader), [Ok(json!(2)), Ok(json!(3))]);
    drop(ring);
    assert!(reader.recv().await.is_none(), "the ring is gone");
}

#[test]
fn a_reader_that_lags_is_told_how_far_and_goes_on() {
    let ring = Ephemeral::new();
    let mut reader = ring.subscribe();
    for number in 0..EPHEMERAL_EVENTS_MAX + 3 {
        ring.publish(delta(json!(number), None));
    }
    let all = rest(&mut reader);
    assert_eq!(all[..2], [Err(Lagged { skipped: 3 }), Ok(json!(3))]);
    assert_eq!(all.len(), EPHEMERAL_EVENTS_MAX + 1);
}

#[test]
fn the_ring_is_bounded_in_bytes_too() {
    let ring = Ephemeral::new();
    let mut reader = ring.subscribe();
    let half = json!("x".repeat(EPHEMERAL_BYTES_MAX / 2));
    for payload in [half.clone(), half.clone()] {
        ring.publish(delta(payload, None));
    }
    assert_eq!(rest(&mut reader), [Err(Lagged { skipped: 1 }), Ok(half)]);
    ring.publish(delta(json!("x".repeat(EPHEMERAL_BYTES_MAX)), None));
    assert_eq!(rest(&mut reader), [Err(Lagged { skipped: 1 })], "larger than the ring: skipped, and said so");
    ring.publish(delta(json!("next"), None));
    assert_eq!(rest(&mut reader), [Ok(json!("next"))]);
}

#[test]
fn of_latest_only_events_the_newest_of_each_key_is_kept() {
    let ring = Ephemeral::new();
    for (payload, key) in [(1, Some("usage")), (2, Some("plan")), (3, Some("usage")), (4, None)] {
        ring.publish(delta(json!(payload), key));
    }
    let latest: Vec<Value> = ring.latest().into_iter().map(|event| event.payload.clone()).collect();
    assert_eq!(latest, [json!(2), json!(3)]);
    for number in 0..LATEST_EVENTS_MAX {
        ring.publish(delta(json!("many"), Some(&number.to_string())));
    }
    let latest = ring.latest();
    assert_eq!(latest.len(), LATEST_EVENTS_MAX);
    assert!(latest.iter().all(|event| event.payload == json!("many")));
}

#[test]
fn of_a_session_that_is_forgotten_nothing_is_told_any_more() {
    let ring = Ephemeral::new();
    let mut reader = ring.subscribe();
    let tell = |session: &str, key: &str| {
        ring.publish(EphemeralEvent { session: Some(SessionId::new(session)), ..delta(json!(key), Some(key)) });
    };
    for (session, key) in [("gone", "a"), ("other", "b"), ("gone", "c")] {
        tell(session, key);
    }
    ring.forget(&SessionId::new("gone"));
    tell("gone", "d");
    tell("other", "e");
    assert_eq!(rest(&mut reader), [Ok(json!("b")), Ok(json!("e"))]);
    let latest: Vec<_> = ring.latest().iter().map(|event| event.payload.clone()).collect();
    assert_eq!(latest, [json!("b"), json!("e")]);
}
