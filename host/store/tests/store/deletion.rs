//! What is left of a session that was deleted: its numbers, and nothing that it said, in the tables and in the files.

use codex_manager_model::{
    ItemStatus, NewEvent, OperationId, OperationKind, OperationState, RequestKey, Seq, SessionId, Suggestion, Tombstone,
};
use codex_manager_store::{Error, KeptAnswer, KeyedRequest, RequestStep, Store, Tx};
use serde_json::json;
use tempfile::TempDir;

use crate::fixture::{approval, assert_dense, at, entry, folder, invocation, item, open, operation, session, turn};

/// What is looked for in every file.
const CANARY: &str = "canary-4711";
/// So much that pages are split and moved.
const ITEMS: usize = 400;

fn id() -> SessionId {
    SessionId::new("s")
}

/// A session whose words are everywhere that words can be.
fn fill(tx: &Tx<'_>) -> Result<(), Error> {
    let told = |session: &str, said: &str| {
        NewEvent::new("said", Some(SessionId::new(session)), json!({ "said": said.repeat(50) }), at(0))
    };
    tx.put_session(&codex_manager_model::Session { preview: CANARY.into(), ..session("s") })?;
    tx.put_session(&session("other"))?;
    tx.put_turn(&turn("s", "t"))?;
    for n in 0..ITEMS {
        let text = format!("{CANARY} {n} ").repeat(1 + n % 300);
        let body = json!({ "id": n, "text": text });
        tx.put_item(&codex_manager_model::Item { body, ..item("s", "t", &n.to_string()) })?;
        tx.append_event(told("s", CANARY))?;
        tx.append_event(told("other", "else"))?;
    }
    tx.put_transcript_entry(&id(), &codex_manager_model::TranscriptEntry { content: CANARY.into(), ..entry("m") })?;
    let (key, status) = ("k".to_owned(), ItemStatus::Complete);
    let suggestion = Suggestion { key, status, suggestion: Some(CANARY.into()), error: None, updated_at: at(0) };
    tx.put_suggestion(&id(), &suggestion)?;
    let asked = codex_manager_model::Interaction {
        summary: CANARY.into(),
        details: json!({ "command": CANARY }),
        response: Some(json!(CANARY)),
        ..approval("s", "gen_1", 1)
    };
    tx.put_interaction(&asked)?;
    let mut sent = operation(OperationKind::Call, None);
    sent.body = json!({ "params": { "text": CANARY } });
    let mut made = operation(OperationKind::Call, None);
    made.session = None;
    made.state = OperationState::Answered;
    made.outcome = Some(json!({ "thread": { "id": "s", "preview": CANARY } }));
    for operation in [&sent, &made] {
        tx.record_operation(operation)?;
    }
    tx.put_invocation(&codex_manager_model::Invocation {
        session: Some(id()),
        sentence: Some(CANARY.into()),
        actions: json!([CANARY]),
        journal: json!([CANARY]),
        log: json!([CANARY]),
        ..invocation("a.b", 0)
    })?;
    answer(tx)
}

fn answer(tx: &Tx<'_>) -> Result<(), Error> {
    let key = RequestKey { owner: "tok".into(), name: "k".into() };
    let request = KeyedRequest { fingerprint: [0; 32], session: Some(id()), answer: None };
    tx.begin_request(&key, &request, at(0))?;
    tx.put_request_step(&key, "made", &RequestStep::Made(json!(CANARY)))?;
    let body = Some(CANARY.as_bytes().to_vec());
    let kept = KeptAnswer { status: 200, media: "application/json".into(), body };
    tx.answer_request(&key, &kept, Some(&id())).map(drop)
}

async fn erase(store: &Store) {
    let erased: Result<(), Error> = store
        .write(|tx| {
            tx.erase_session(&id())?;
            let title = Some("named".to_owned());
            let (finished_at, refused_at) = (None, None);
            tx.put_tombstone(&Tombstone { session: id(), title, deleted_at: at(1), finished_at, refused_at })
        })
        .await;
    erased.unwrap();
    assert!(store.scrub().await.unwrap(), "nobody reads");
}

/// The files that hold the canary.
fn found(folder: &TempDir) -> Vec<String> {
    let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let holds = |bytes: &[u8]| bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
    files
        .filter(|path| path.is_file() && holds(&std::fs::read(path).unwrap()))
        .map(|path| path.display().to_string())
        .collect()
}

#[tokio::test]
async fn nothing_that_it_said_is_left_in_any_file() {
    let folder = folder();
    let store = open(&folder);
    store.write(fill).await.unwrap();
    assert!(!found(&folder).is_empty(), "it was there");
    erase(&store).await;
    assert_eq!(found(&folder), Vec::<String>::new());
    store.close().await;
    assert_eq!(found(&folder), Vec::<String>::new());
}

#[tokio::test]
async fn its_numbers_stay_and_the_log_s_bytes_are_what_is_there() {
    let folder = folder();
    let store = open(&folder);
    store.write(fill).await.unwrap();
    let before = store.read(|view| view.event_bounds()).await.unwrap();
    erase(&store).await;
    let events = assert_dense(&store).await;
    assert_eq!(events.len(), 2 * ITEMS);
    for event in events {
        assert_eq!(event.payload.is_none(), event.session == Some(id()), "{event:?}");
    }
    let after = store.read(|view| view.event_bounds()).await.unwrap();
    let payload = json!({ "said": CANARY.repeat(50) }).to_string().len() as u64;
    assert_eq!(before.bytes - after.bytes, ITEMS as u64 * payload);
    assert_eq!((before.head, before.oldest), (after.head, after.oldest));

    let unfinished = store.read(|view| view.unfinished_deletions(9)).await.unwrap();
    assert_eq!(unfinished, [id()]);
    let finished: Result<_, Error> =
        store.write(|tx| Ok((tx.finish_deletion(&id(), at(2))?, tx.finish_deletion(&id(), at(3))?))).await;
    assert_eq!(finished.unwrap(), (true, false));
    let left: Result<_, Error> =
        store.read(|view| Ok((view.session(&id())?, view.tombstone(&id())?, view.events(Seq(0), 1)?))).await;
    let (gone, tombstone, _) = left.unwrap();
    assert_eq!((gone, tombstone.unwrap().finished_at), (None, Some(at(2))));
}

#[tokio::test]
async fn what_the_child_does_not_forget_yet_stands_before_nothing_else() {
    let folder = folder();
    let store = open(&folder);
    let postponed: Result<_, Error> = store
        .write(|tx| {
            for (name, deleted_at) in [("a", at(1)), ("b", at(2)), ("c", at(3))] {
                let session = SessionId::new(name);
                tx.put_tombstone(&Tombstone { session, title: None, deleted_at, finished_at: None, refused_at: None })?;
            }
            let (a, b) = (SessionId::new("a"), SessionId::new("b"));
            let said =
                [tx.postpone_deletion(&a, at(5))?, tx.postpone_deletion(&b, at(6))?, tx.postpone_deletion(&a, at(7))?];
            Ok((said, tx.unfinished_deletions(9)?))
        })
        .await;
    let (said, unfinished) = postponed.unwrap();
    assert_eq!(said, [true, true, false], "what was said before is nothing new");
    assert_eq!(unfinished, ["c", "b", "a"].map(SessionId::new));
}

#[tokio::test]
async fn nothing_is_left_between_rows_that_were_moved() {
    let folder = folder();
    let store = open(&folder);
    // Rows of many sessions that grow in an order that is not theirs have pages split, and cells moved between them.
    let sessions = |n: usize| SessionId::new(format!("s{n}"));
    for round in 0..8_usize {
        let filled: Result<(), Error> = store
            .write(move |tx| {
                let ids: Vec<_> = (0..60).map(|n| OperationId::new(format!("op_{}_{round}", n * 37 % 60))).collect();
                for (n, id) in ids.iter().enumerate() {
                    let mut sent = operation(OperationKind::Call, None);
                    (sent.id, sent.session) = (id.clone(), Some(sessions(n)));
                    sent.body = json!({ "text": format!("{CANARY} {}", "y".repeat(20 + n * round)) });
                    tx.record_operation(&sent)?;
                }
                for (n, id) in ids.iter().enumerate().rev() {
                    let outcome = json!({ "turn": "x".repeat(40 + 9 * n) });
                    let to = OperationState::Answered;
                    tx.set_operation_state(id, &[OperationState::Recorded], to, None, Some(&outcome), at(1))?;
                }
                Ok(())
            })
            .await;
        filled.unwrap();
    }
    for n in 0..60 {
        let erased: Result<(), Error> = store.write(move |tx| tx.erase_session(&sessions(n))).await;
        erased.unwrap();
    }
    assert!(store.scrub().await.unwrap(), "nobody reads");
    store.compact().await.unwrap();
    assert!(store.scrub().await.unwrap(), "nobody reads");
    assert_eq!(found(&folder), Vec::<String>::new());
}
