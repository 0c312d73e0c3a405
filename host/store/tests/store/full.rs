//! When there is no more room.

use codex_manager_model::{NewEvent, Seq};
use codex_manager_store::{Config, Error, Retention, Store};
use serde_json::json;

use crate::fixture::{Held, all_events, append, assert_dense, at, event, folder};

fn large() -> NewEvent {
    NewEvent::new("large", None, json!("x".repeat(64 * 1024)), at(0))
}

async fn fill(store: &Store) -> Seq {
    loop {
        match append(store, large()).await {
            Ok(_) => {}
            Err(Error::Full) => return *store.head().borrow(),
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn full_is_told_changes_nothing_and_passes_when_there_is_room() {
    let folder = folder();
    let store = Config { folder: folder.path().into(), size_bytes_max: Some(1024 * 1024) }.open().unwrap();
    let last = fill(&store).await;
    assert!(last > Seq(4), "{last} events in a megabyte");
    assert!(store.stats().refuses);
    store.write(|tx| tx.touch_log()).await.unwrap();
    assert!(!store.stats().refuses, "there is room for what takes none");
    assert_dense(&store).await;

    let retention = Retention { age_max: std::time::Duration::MAX, bytes_max: 256 * 1024, held_bytes_max: u64::MAX };
    let pruned = store.write(move |tx| tx.prune_events(&retention, at(0))).await;
    assert!(pruned.unwrap().events > 0);
    assert_eq!(append(&store, large()).await.unwrap(), last.next());
}

#[tokio::test]
async fn an_operation_that_swallows_the_error_is_still_not_applied() {
    let folder = folder();
    let store = Config { folder: folder.path().into(), size_bytes_max: Some(1024 * 1024) }.open().unwrap();
    let last = fill(&store).await;
    let events = all_events(&store).await;
    let swallowed = store
        .write(|tx| {
            drop(tx.append_event(large()));
            tx.set_cursor("a", Seq(1))
        })
        .await;
    assert!(matches!(swallowed, Err(Error::Full)), "{swallowed:?}");
    assert_eq!(all_events(&store).await, events);
    assert_eq!(store.read(|view| view.cursor("a")).await.unwrap(), None);
    assert_eq!(append(&store, event("small")).await.ok(), Some(last.next()), "there is room for a small one");
}

#[tokio::test]
async fn operations_beside_one_that_found_no_room_are_told_the_truth() {
    let folder = folder();
    let store = Config { folder: folder.path().into(), size_bytes_max: Some(1024 * 1024) }.open().unwrap();
    fill(&store).await;
    let before = all_events(&store).await.len();
    let held = Held::enter(&store).await;
    let neighbour = tokio::spawn({
        let store = store.clone();
        async move { append(&store, large()).await }
    });
    crate::fixture::until(|| store.stats().queue_depth == 1).await;
    let acknowledged = match held.try_leave().await {
        Ok(_) => 1,
        Err(Error::Full) => 0,
        Err(other) => panic!("{other:?}"),
    };
    assert!(matches!(neighbour.await.unwrap(), Err(Error::Full)));
    assert_eq!(assert_dense(&store).await.len(), before + acknowledged);
}
