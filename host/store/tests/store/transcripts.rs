//! Transcripts, as far as somebody else than the child wrote them.

use codex_manager_model::limits::{TRANSCRIPT_BYTES_MAX, TRANSCRIPT_ENTRIES_MAX};
use codex_manager_model::{ItemStatus, SessionId, TranscriptEntry};
use codex_manager_store::{Error, Store};

use crate::fixture::{at, entry, folder, open};

async fn put(store: &Store, session: &str, entries: Vec<TranscriptEntry>) {
    let session = SessionId::new(session);
    let written = store.write(move |tx| entries.iter().try_for_each(|entry| tx.put_transcript_entry(&session, entry)));
    written.await.unwrap();
}

async fn all(store: &Store, session: &str) -> Vec<TranscriptEntry> {
    let session = SessionId::new(session);
    store.read(move |view| view.transcript_entries(&session)).await.unwrap()
}

#[tokio::test]
async fn an_entry_keeps_its_place_and_is_its_sessions_own() {
    let folder = folder();
    let store = open(&folder);
    let [first, second] = ["first", "second"].map(entry);
    let whole = TranscriptEntry {
        details: Some("{}".into()),
        status: ItemStatus::Error,
        started_at: Some(at(1)),
        completed_at: Some(at(2)),
        ..entry("first")
    };
    put(&store, "s", vec![first.clone(), second.clone(), whole.clone()]).await;
    put(&store, "other", vec![first.clone()]).await;
    store.close().await;

    let store = open(&folder);
    assert_eq!(all(&store, "s").await, [whole.clone(), second]);
    assert_eq!(all(&store, "other").await, [first]);
    let session = SessionId::new("s");
    let found = store.read(move |view| {
        Ok::<_, Error>([view.transcript_entry(&session, "first")?, view.transcript_entry(&session, "third")?])
    });
    assert_eq!(found.await.unwrap(), [Some(whole), None]);
}

#[tokio::test]
async fn a_session_that_has_too_many_loses_its_oldest() {
    let folder = folder();
    let store = open(&folder);
    let many: Vec<_> = (0..TRANSCRIPT_ENTRIES_MAX).map(|n| entry(&n.to_string())).collect();
    put(&store, "other", vec![entry("a")]).await;
    put(&store, "s", many).await;
    put(&store, "s", vec![entry("7")]).await;
    assert_eq!(all(&store, "s").await.len(), TRANSCRIPT_ENTRIES_MAX as usize, "an old one again drops nothing");
    put(&store, "s", vec![entry("x"), entry("y")]).await;
    let kept: Vec<String> = all(&store, "s").await.into_iter().map(|entry| entry.message_id).collect();
    assert_eq!((kept.len(), kept[0].as_str()), (TRANSCRIPT_ENTRIES_MAX as usize, "2"));
    assert_eq!(kept.last().unwrap(), "y");
    assert_eq!(all(&store, "other").await.len(), 1);
}

#[tokio::test]
async fn a_session_that_has_too_much_text_loses_its_oldest_and_never_what_was_just_written() {
    let folder = folder();
    let store = open(&folder);
    let large = |id: &str, part: u64| TranscriptEntry {
        details: Some("x".repeat(usize::try_from(TRANSCRIPT_BYTES_MAX / part).unwrap())),
        ..entry(id)
    };
    let ids = async || -> Vec<String> { all(&store, "s").await.into_iter().map(|entry| entry.message_id).collect() };
    put(&store, "s", vec![entry("a"), large("b", 2), large("c", 3), large("d", 4)]).await;
    assert_eq!(ids().await, ["c", "d"]);
    // Written over, it takes its room once.
    put(&store, "s", vec![large("c", 3), large("c", 4), large("e", 4)]).await;
    assert_eq!(ids().await, ["c", "d", "e"]);
    put(&store, "s", vec![large("c", 2), large("c", 1)]).await;
    assert_eq!(ids().await, ["c"], "it is the oldest, and what was just written");
    put(&store, "s", vec![entry("f")]).await;
    assert_eq!(ids().await, ["f"]);
}

#[tokio::test]
async fn outlines_come_in_order_and_lead_to_their_entries() {
    let folder = folder();
    let store = open(&folder);
    let detailed = TranscriptEntry { details: Some("{}".into()), ..entry("second") };
    put(&store, "s", vec![entry("first"), detailed.clone(), entry("third")]).await;
    put(&store, "other", vec![entry("else")]).await;
    let session = SessionId::new("s");
    let read = store.read(move |view| {
        let mut seen = Vec::new();
        view.each_entry_outline(&session, |outline| {
            seen.push((outline.place, outline.id.to_owned(), outline.details.map(str::to_owned)));
        })?;
        let elsewhere = view.transcript_entry_at(&SessionId::new("other"), seen[1].0)?;
        Ok::<_, Error>((view.transcript_entry_at(&session, seen[1].0)?, elsewhere, seen))
    });
    let (second, elsewhere, seen) = read.await.unwrap();
    let seen: Vec<_> = seen.iter().map(|(_, id, details)| (id.as_str(), details.as_deref())).collect();
    assert_eq!(seen, [("first", None), ("second", Some("{}")), ("third", None)]);
    assert_eq!((second, elsewhere), (Some(detailed), None));
}
