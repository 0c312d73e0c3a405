//! What the log forgets, and what it does not.

use std::time::Duration;

use codex_manager_model::limits::PRUNE_EVENTS_MAX;
use codex_manager_model::{NewEvent, Seq};
use codex_manager_store::{Cursor, Error, EventBounds, Pruned, Retention, Store};
use serde_json::json;

use crate::fixture::{all_events, at, folder, open};

/// Nothing is too old and nothing too much.
const KEEP: Retention = Retention { age_max: Duration::MAX, bytes_max: u64::MAX, held_bytes_max: u64::MAX };
/// One letter of kind, eight of payload, two quotes.
const EVENT_BYTES: u64 = 11;

/// A log of ten events, one a second.
async fn ten(store: &Store) {
    append_many(store, 10).await;
}

async fn append_many(store: &Store, count: i64) {
    let written = store.write(move |tx| {
        for second in 0..count {
            tx.append_event(NewEvent::new("e", None, json!("12345678"), at(second)))?;
        }
        Ok::<_, Error>(())
    });
    written.await.unwrap();
}

async fn prune(store: &Store, retention: Retention, now: i64) -> Pruned {
    store.write(move |tx| tx.prune_events(&retention, at(now))).await.unwrap()
}

async fn set_cursor(store: &Store, name: &'static str, seq: u64) {
    store.write(move |tx| tx.set_cursor(name, Seq(seq))).await.unwrap();
}

async fn remaining(store: &Store) -> Vec<u64> {
    all_events(store).await.into_iter().map(|event| event.seq.0).collect()
}

#[tokio::test]
async fn by_age_and_the_rest_keep_their_numbers() {
    let folder = folder();
    let store = open(&folder);
    ten(&store).await;
    let pruned = prune(&store, Retention { age_max: Duration::from_secs(5), ..KEEP }, 9).await;
    assert_eq!(pruned, Pruned { events: 4, bytes: 4 * EVENT_BYTES, more: false, passed: vec![] });
    assert_eq!(remaining(&store).await, [5, 6, 7, 8, 9, 10]);
    let bounds = store.read(|view| view.event_bounds()).await.unwrap();
    assert_eq!(bounds, EventBounds { oldest: Some(Seq(5)), head: Seq(10), bytes: 6 * EVENT_BYTES });
}

#[tokio::test]
async fn by_bytes_down_to_the_bound() {
    let folder = folder();
    let store = open(&folder);
    ten(&store).await;
    assert_eq!(prune(&store, Retention { bytes_max: 3 * EVENT_BYTES, ..KEEP }, 9).await.events, 7);
    assert_eq!(remaining(&store).await, [8, 9, 10]);
}

#[tokio::test]
async fn an_emptied_log_goes_on_counting() {
    let folder = folder();
    let store = open(&folder);
    ten(&store).await;
    prune(&store, Retention { bytes_max: 0, ..KEEP }, 9).await;
    store.close().await;
    let store = open(&folder);
    append_many(&store, 1).await;
    assert_eq!(remaining(&store).await, [11]);
}

#[tokio::test]
async fn the_slowest_cursor_holds_back_up_to_the_cap() {
    let folder = folder();
    let store = open(&folder);
    ten(&store).await;
    set_cursor(&store, "slow", 2).await;
    set_cursor(&store, "fast", 9).await;
    let nothing = Retention { bytes_max: 0, ..KEEP };
    let pruned = prune(&store, nothing, 9).await;
    assert_eq!((pruned.events, pruned.passed), (2, vec![]));

    let capped = Retention { held_bytes_max: 4 * EVENT_BYTES, ..nothing };
    let pruned = prune(&store, capped, 9).await;
    assert_eq!(pruned.passed, [Cursor { name: "slow".into(), seq: Seq(2) }]);
    assert_eq!(remaining(&store).await, [7, 8, 9, 10]);

    let dropped = store.write(|tx| tx.drop_cursor("slow")).await;
    assert!(dropped.unwrap());
    assert_eq!(prune(&store, nothing, 9).await.events, 3);
    assert_eq!(remaining(&store).await, [10]);
}

#[tokio::test]
async fn one_call_does_a_bounded_amount() {
    let folder = folder();
    let store = open(&folder);
    append_many(&store, i64::from(PRUNE_EVENTS_MAX) + 1).await;
    let nothing = Retention { bytes_max: 0, ..KEEP };
    let first = prune(&store, nothing, 0).await;
    assert_eq!((first.events, first.more), (u64::from(PRUNE_EVENTS_MAX), true));
    let second = prune(&store, nothing, 0).await;
    assert_eq!((second.events, second.more), (1, false));
}
