//! Which events an extension is done with, and which of its actions were done.

use codex_manager_model::Seq;
use codex_manager_model::limits::PRUNE_ACTION_KEYS_MAX;
use codex_manager_store::{Error, Store, Tx};

use crate::fixture::{at, folder, open};

async fn write<T: Send + 'static>(store: &Store, work: impl FnOnce(&Tx<'_>) -> Result<T, Error> + Send + 'static) -> T {
    store.write(work).await.unwrap()
}

/// The low mark and those beyond it.
async fn marks(store: &Store, extension: &'static str) -> (Option<u64>, Vec<u64>) {
    let read = store.read(move |view| Ok::<_, Error>((view.marks_low(extension)?, view.marks(extension)?)));
    let (low, marks) = read.await.unwrap();
    (low.map(|Seq(low)| low), marks.into_iter().map(|Seq(seq)| seq).collect())
}

#[tokio::test]
async fn marks_outlive_a_restart_and_are_absorbed_by_the_low_one() {
    let folder = folder();
    let store = open(&folder);
    write(&store, |tx| {
        tx.set_marks_low("e", Seq(10))?;
        [14, 12, 11, 12, 3, 10].into_iter().try_for_each(|seq| tx.mark_event("e", Seq(seq)))?;
        tx.mark_event("f", Seq(12))
    })
    .await;
    store.close().await;

    let store = open(&folder);
    assert_eq!(marks(&store, "e").await, (Some(10), vec![11, 12, 14]));
    write(&store, |tx| tx.set_marks_low("e", Seq(12))).await;
    assert_eq!(marks(&store, "e").await, (Some(12), vec![14]));
    write(&store, |tx| tx.set_marks_low("e", Seq(5))).await;
    assert_eq!(marks(&store, "e").await, (Some(12), vec![14]), "never back");
    assert_eq!(marks(&store, "f").await, (None, vec![]), "it has no place");
}

#[tokio::test]
async fn the_low_mark_is_a_cursor_for_which_retention_waits_until_it_is_forgotten() {
    let folder = folder();
    let store = open(&folder);
    write(&store, |tx| {
        tx.set_marks_low("e", Seq(10))?;
        tx.mark_event("e", Seq(11))
    })
    .await;
    let named: Result<_, Error> = store.read(|view| view.cursor("extension:e")).await;
    assert_eq!(named.unwrap(), Some(Seq(10)));
    write(&store, |tx| tx.forget_marks("e")).await;
    // What was under way then ends only now.
    write(&store, |tx| tx.mark_event("e", Seq(12))).await;
    assert_eq!(marks(&store, "e").await, (None, vec![]));
    let left: Result<_, Error> = store.read(|view| view.cursors()).await;
    assert_eq!(left.unwrap(), []);
}

#[tokio::test]
async fn a_key_is_taken_once_until_it_is_forgotten() {
    let folder = folder();
    let store = open(&folder);
    let take = |extension: &'static str, key: &'static str, seconds| {
        store.write(move |tx| tx.take_action_key(extension, key, at(seconds)))
    };
    assert!(take("e", "k", 1).await.unwrap());
    assert!(!take("e", "k", 9).await.unwrap());
    assert!(take("f", "k", 2).await.unwrap());
    assert!(take("e", "l", 2).await.unwrap());
    assert_eq!(write(&store, |tx| tx.prune_action_keys(at(2))).await, 1, "the first time counts");
    assert!(take("e", "k", 2).await.unwrap());
    assert!(!take("e", "l", 2).await.unwrap());
}

#[tokio::test]
async fn one_call_forgets_a_bounded_number_of_keys() {
    let folder = folder();
    let store = open(&folder);
    write(&store, |tx| {
        (0..=PRUNE_ACTION_KEYS_MAX).try_for_each(|n| tx.take_action_key("e", &n.to_string(), at(0)).map(drop))
    })
    .await;
    assert_eq!(write(&store, |tx| tx.prune_action_keys(at(1))).await, u64::from(PRUNE_ACTION_KEYS_MAX));
    assert_eq!(write(&store, |tx| tx.prune_action_keys(at(1))).await, 1);
}
