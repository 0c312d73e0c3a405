//! Operations share transactions and nothing else.

use std::panic::resume_unwind;
use std::sync::mpsc;

use codex_manager_model::Seq;
use codex_manager_model::limits::STORE_READERS_MAX;
use codex_manager_store::{Error, Store};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::fixture::{DEADLINE, Held, all_events, append, assert_dense, event, folder, open};

#[derive(Debug, PartialEq)]
enum Refused {
    ByItself,
    ByStore(String),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::ByStore(format!("{error:?}"))
    }
}

#[tokio::test]
async fn operations_that_wait_share_one_transaction() {
    let folder = folder();
    let store = open(&folder);
    let held = Held::enter(&store).await;
    let mut writers = JoinSet::new();
    for _ in 0..64 {
        let store = store.clone();
        writers.spawn(async move { append(&store, event("together")).await.unwrap() });
    }
    held.leave(&store, 64).await;
    writers.join_all().await;
    let stats = store.stats();
    assert_eq!((stats.operations, stats.events, stats.queue_depth), (65, 65, 0));
    assert!(stats.commits <= 2, "{stats:?}");
    assert_dense(&store).await;
}

#[tokio::test]
async fn an_operation_that_fails_or_panics_is_rolled_back_alone() {
    let folder = folder();
    let store = open(&folder);
    let held = Held::enter(&store).await;
    let before = spawn_append(&store, "before");
    let fails = tokio::spawn({
        let store = store.clone();
        async move {
            store
                .write(|tx| {
                    tx.append_event(event("failed"))?;
                    Err::<(), _>(Refused::ByItself)
                })
                .await
        }
    });
    let panics = tokio::spawn({
        let store = store.clone();
        async move {
            store
                .write(|tx| -> Result<(), Refused> {
                    tx.append_event(event("panicked"))?;
                    // Like `panic!`, without the noise.
                    resume_unwind(Box::new("on purpose"))
                })
                .await
        }
    });
    let after = spawn_append(&store, "after");
    held.leave(&store, 4).await;

    assert_eq!(fails.await.unwrap(), Err(Refused::ByItself));
    assert_eq!(panics.await.unwrap(), Err(Refused::ByStore("Panicked".into())));
    before.await.unwrap();
    after.await.unwrap();
    let mut kinds: Vec<String> = assert_dense(&store).await.into_iter().map(|event| event.kind).collect();
    kinds.sort();
    assert_eq!(kinds, ["after", "before", "held"]);
    assert_eq!(store.stats().operations, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn numbers_are_dense_when_many_write_and_some_fail() {
    let folder = folder();
    let store = open(&folder);
    let mut writers = JoinSet::new();
    for writer in 0..16_u64 {
        let store = store.clone();
        writers.spawn(async move {
            let mut given = Vec::new();
            for turn in 0..40 {
                given.extend(unreliable(&store, writer * 40 + turn).await);
            }
            given
        });
    }
    let mut given: Vec<Seq> = writers.join_all().await.into_iter().flatten().collect();
    given.sort();
    let kept: Vec<Seq> = assert_dense(&store).await.into_iter().map(|event| event.seq).collect();
    assert_eq!(given, kept, "exactly the numbers that were acknowledged are there");
}

#[tokio::test]
async fn what_is_not_committed_is_not_seen_and_not_announced() {
    let folder = folder();
    let store = open(&folder);
    let head = store.head();
    let held = Held::enter(&store).await;
    assert_eq!(all_events(&store).await, []);
    assert_eq!(*head.borrow(), Seq(0));
    assert!(!head.has_changed().unwrap());
    assert_eq!(held.leave(&store, 0).await, Seq(1));
    assert_eq!(*head.borrow(), Seq(1), "whoever has an answer finds the head there");
    assert_eq!(all_events(&store).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_announced_can_be_read() {
    let folder = folder();
    let store = open(&folder);
    let writing = tokio::spawn({
        let store = store.clone();
        async move {
            for _ in 0..200 {
                append(&store, event("one")).await.unwrap();
            }
        }
    });
    let mut head = store.head();
    while *head.borrow_and_update() < Seq(200) {
        head.changed().await.unwrap();
        let told = *head.borrow();
        let bounds = store.read(|view| view.event_bounds()).await.unwrap();
        assert!(told <= bounds.head, "{told} was told and {} is there", bounds.head);
    }
    writing.await.unwrap();
}

#[tokio::test]
async fn a_read_sees_one_moment() {
    let folder = folder();
    let store = open(&folder);
    let (go_on, wait) = mpsc::channel();
    let (looked, looking) = oneshot::channel();
    let reading = tokio::spawn({
        let store = store.clone();
        async move {
            store
                .read(move |view| {
                    let before = view.event_bounds()?;
                    looked.send(()).unwrap();
                    wait.recv_timeout(DEADLINE).unwrap();
                    Ok::<_, Error>((before, view.event_bounds()?, view.events(Seq(0), 9)?))
                })
                .await
                .unwrap()
        }
    });
    looking.await.unwrap();
    append(&store, event("meanwhile")).await.unwrap();
    go_on.send(()).unwrap();
    let (before, after, events) = reading.await.unwrap();
    assert_eq!((before, events.len()), (after, 0));
    assert_eq!(all_events(&store).await.len(), 1);
}

#[tokio::test]
async fn a_read_that_panics_is_told_and_the_next_one_works() {
    let folder = folder();
    let store = open(&folder);
    for _ in 0..2 * STORE_READERS_MAX {
        let read = store.read(|_| -> Result<(), Error> { resume_unwind(Box::new("on purpose")) }).await;
        assert!(matches!(read, Err(Error::Panicked)), "{read:?}");
    }
    assert_eq!(all_events(&store).await, []);
}

#[tokio::test]
async fn an_operation_whose_caller_went_away_is_done_all_the_same() {
    let folder = folder();
    let store = open(&folder);
    let held = Held::enter(&store).await;
    let caller = spawn_append(&store, "orphan");
    crate::fixture::until(|| store.stats().queue_depth == 1).await;
    caller.abort();
    held.leave(&store, 1).await;
    append(&store, event("next")).await.unwrap();
    assert_eq!(assert_dense(&store).await[1].kind, "orphan");
}

/// Appends one to three events; every third time it then fails, every seventh it panics.
async fn unreliable(store: &Store, step: u64) -> Vec<Seq> {
    let written = store.write(move |tx| {
        let seqs = (0..=step % 3).map(|_| tx.append_event(event("maybe"))).collect::<Result<Vec<_>, _>>()?;
        match step {
            step if step % 7 == 0 => resume_unwind(Box::new("on purpose")),
            step if step % 3 == 0 => Err(Refused::ByItself),
            _ => Ok(seqs),
        }
    });
    written.await.unwrap_or_default()
}

fn spawn_append(store: &Store, kind: &'static str) -> tokio::task::JoinHandle<Seq> {
    let store = store.clone();
    tokio::spawn(async move { append(&store, event(kind)).await.unwrap() })
}
