//! The event log and its cursors.

use codex_manager_model::{Actor, NewEvent, Seq, Session, SessionId, TurnId, Worker};
use codex_manager_store::{Cursor, Error};
use serde_json::json;

use crate::fixture::{all_events, append, assert_dense, at, event, folder, open, session};

#[tokio::test]
async fn an_event_reads_back_as_it_was_written() {
    let folder = folder();
    let store = open(&folder);
    let written = NewEvent {
        kind: "app_server.turn.completed".into(),
        session: Some(SessionId::new("s")),
        turn: Some(TurnId::new("t")),
        payload: json!({ "text": "ünï\u{0}", "large": 9_007_199_254_740_993_u64 }),
        at: at(5),
        actor: Some(Actor::Extension("acme.guard".into())),
        caused_by: Some(Seq(7)),
        hops: 3,
    };
    append(&store, written.clone()).await.unwrap();
    let bytes = store.read(|view| view.event_bounds()).await.unwrap().bytes;
    let names = ["s", "t", "extension:acme.guard", &written.kind].map(str::len).iter().sum::<usize>();
    assert_eq!(bytes, (names + written.payload.to_string().len()) as u64);
    let read = all_events(&store).await.remove(0);
    assert_eq!(read.payload, Some(written.payload));
    assert_eq!((read.seq, read.kind, read.session, read.turn), (Seq(1), written.kind, written.session, written.turn));
    assert_eq!((read.at, read.actor), (written.at, written.actor));
    assert_eq!((read.caused_by, read.hops), (written.caused_by, written.hops));
}

#[tokio::test]
async fn an_event_of_a_worker_is_known_as_one_also_when_its_session_no_longer_is() {
    let folder = folder();
    let store = open(&folder);
    let worker = Worker { owner: "session:s".into(), agent: "reviewer".into() };
    let sessions = [Session { worker: Some(worker), ..session("w") }, session("s")];
    let of = |name: &str| NewEvent::new("e", Some(SessionId::new(name)), json!(null), at(0));
    let events = ["w", "s", "nobody"].map(of);
    let written = store.write(move |tx| {
        sessions.iter().try_for_each(|session| tx.put_session(session))?;
        events.into_iter().try_for_each(|event| tx.append_event(event).map(drop))?;
        tx.put_session(&session("w"))
    });
    let written: Result<(), Error> = written.await;
    written.unwrap();
    append(&store, of("w")).await.unwrap();
    let marks: Vec<bool> = all_events(&store).await.iter().map(|event| event.of_worker).collect();
    assert_eq!(marks, [true, false, false, false]);
}

#[tokio::test]
async fn pages_join_without_gap_or_double() {
    let folder = folder();
    let store = open(&folder);
    for number in 0..25 {
        append(&store, NewEvent::new("e", None, json!(number), at(0))).await.unwrap();
    }
    let paged = store
        .read(|view| {
            let mut paged = Vec::new();
            while let page = view.events(Seq(paged.len() as u64), 10)?
                && !page.is_empty()
            {
                paged.extend(page);
            }
            Ok::<_, Error>(paged)
        })
        .await
        .unwrap();
    assert_eq!(paged, all_events(&store).await);
}

#[tokio::test]
async fn closed_and_opened_again_everything_goes_on_where_it_stopped() {
    let folder = folder();
    let store = open(&folder);
    let epoch = store.epoch().clone();
    append(&store, event("one")).await.unwrap();
    let other = store.clone();
    store.close().await;
    assert!(matches!(append(&other, event("late")).await, Err(Error::Closed)));
    let late: Result<_, Error> = other.read(|view| view.cursors()).await;
    assert!(matches!(late, Err(Error::Closed)));

    let store = open(&folder);
    assert_eq!((store.epoch(), *store.head().borrow()), (&epoch, Seq(1)));
    assert_eq!(append(&store, event("two")).await.unwrap(), Seq(2));
    assert_dense(&store).await;
    let elsewhere = crate::fixture::folder();
    assert_ne!(open(&elsewhere).epoch(), &epoch);
}

#[tokio::test]
async fn what_was_queued_is_written_when_the_store_closes() {
    let folder = folder();
    let store = open(&folder);
    let held = crate::fixture::Held::enter(&store).await;
    let queued = tokio::spawn({
        let store = store.clone();
        async move { append(&store, event("queued")).await }
    });
    crate::fixture::until(|| store.stats().queue_depth == 1).await;
    let closing = tokio::spawn(store.clone().close());
    held.leave(&store, 2).await;
    closing.await.unwrap();
    assert_eq!(queued.await.unwrap().unwrap(), Seq(2));
    assert_dense(&open(&folder)).await;
}

#[tokio::test]
async fn dropped_without_being_closed_nothing_is_lost() {
    let folder = folder();
    let store = open(&folder);
    append(&store, event("one")).await.unwrap();
    let mut head = store.head();
    drop(store);
    while head.changed().await.is_ok() {}
    assert_eq!(all_events(&open(&folder)).await.len(), 1);
}

#[tokio::test]
async fn cursors_are_set_moved_and_dropped() {
    let folder = folder();
    let store = open(&folder);
    let dropped = store
        .write(|tx| {
            tx.set_cursor("b", Seq(4))?;
            tx.set_cursor("a", Seq(9))?;
            tx.set_cursor("b", Seq(2))?;
            tx.set_cursor("c", Seq(1))?;
            Ok::<_, Error>([tx.drop_cursor("c")?, tx.drop_cursor("c")?])
        })
        .await
        .unwrap();
    assert_eq!(dropped, [true, false]);
    let cursors = store.read(|view| Ok::<_, Error>((view.cursors()?, view.cursor("b")?, view.cursor("c")?)));
    let expected = [("a", 9), ("b", 2)].map(|(name, seq)| Cursor { name: name.into(), seq: Seq(seq) });
    assert_eq!(cursors.await.unwrap(), (expected.to_vec(), Some(Seq(2)), None));
}

#[tokio::test]
async fn the_events_of_some_kinds_are_found_among_the_others() {
    let folder = folder();
    let store = open(&folder);
    for kind in ["a", "b", "c", "a", "b", "a"] {
        append(&store, event(kind)).await.unwrap();
    }
    let table: [(u64, &[&str], u32, &[u64]); 6] = [
        (0, &["a"], 9, &[1, 4, 6]),
        (1, &["a"], 9, &[4, 6]),
        (0, &["c", "a"], 2, &[1, 3]),
        (2, &["c", "a"], 2, &[3, 4]),
        (0, &["d"], 9, &[]),
        (0, &[], 9, &[]),
    ];
    for (after, kinds, limit, expected) in table {
        let wanted: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let found: Result<_, Error> = store.read(move |view| view.events_of_kinds(Seq(after), &wanted, limit)).await;
        let found: Vec<u64> = found.unwrap().into_iter().map(|event| event.seq.0).collect();
        assert_eq!(found, expected, "{limit} of {kinds:?} after {after}");
    }
}
