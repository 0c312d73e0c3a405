//! Sessions, turns, items and tokens.

use codex_manager_model::{
    Item, ItemId, ItemStatus, Role, Session, SessionId, Token, TokenId, TranscriptEntry, Turn, TurnId, TurnStatus,
    Worker,
};
use codex_manager_store::{Error, SessionQuery};
use serde_json::json;

use crate::fixture::{at, entry, folder, item, open, session, turn};

#[tokio::test]
async fn a_session_reads_back_as_it_was_written_and_written_again() {
    let folder = folder();
    let store = open(&folder);
    let mut controls = session("s").controls;
    controls.settings.insert("theme".into(), json!({ "deep": [1, null] }));
    let first = session("s");
    let second = Session { title: Some("named".into()), controls, materialized: true, ..first.clone() };
    for written in [first, second] {
        let expected = written.clone();
        let read = store
            .write(move |tx| {
                tx.put_session(&written)?;
                tx.session(&written.id)
            })
            .await
            .unwrap();
        assert_eq!(read, Some(expected));
    }
}

#[tokio::test]
async fn sessions_come_last_updated_first_page_by_page() {
    let folder = folder();
    let store = open(&folder);
    let times = [("a", 1, 5), ("b", 2, 9), ("c", 3, 5), ("d", 3, 5), ("old", 0, 9)];
    let written = store.write(move |tx| {
        for (id, created, updated) in times {
            let archived = id == "old";
            tx.put_session(&Session { created_at: at(created), updated_at: at(updated), archived, ..session(id) })?;
        }
        Ok::<_, Error>(())
    });
    written.await.unwrap();
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let query = SessionQuery { archived: false, workers: false, limit: 1, after };
        let page = store.read(move |view| view.sessions(&query)).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.updated_at, last.id.clone()));
        seen.extend(page.into_iter().map(|session| session.id.to_string()));
    }
    assert_eq!(seen, ["b", "d", "c", "a"]);
    let query = SessionQuery { archived: true, workers: false, limit: 9, after: None };
    let archived = store.read(move |view| view.sessions(&query)).await.unwrap();
    assert_eq!(archived.len(), 1);
}

#[tokio::test]
async fn the_sessions_of_workers_come_only_when_asked_for() {
    let folder = folder();
    let store = open(&folder);
    let written = store.write(move |tx| {
        tx.put_session(&session("ours"))?;
        let worker = Some(Worker { owner: "prj_1".into(), agent: "supervisor".into() });
        tx.put_session(&Session { worker, ..session("theirs") })
    });
    written.await.unwrap();
    for (workers, after, seen) in [
        (false, None, &["ours"][..]),
        (true, None, &["theirs", "ours"]),
        (true, Some("theirs"), &["ours"]),
        (false, Some("theirs"), &["ours"]),
        (true, Some("ours"), &[]),
    ] {
        let after = after.map(|id| (at(0), SessionId::new(id)));
        let query = SessionQuery { archived: false, workers, limit: 9, after };
        let page = store.read(move |view| view.sessions(&query)).await.unwrap();
        let ids: Vec<_> = page.iter().map(|session| session.id.as_str()).collect();
        assert_eq!(ids, seen, "workers: {workers}");
    }
}

#[tokio::test]
async fn a_forgotten_turn_takes_with_it_what_it_held_and_no_more() {
    let folder = folder();
    let store = open(&folder);
    let id = SessionId::new("s");
    let forgotten = store.write(move |tx| {
        for turn_id in ["t1", "t2"] {
            tx.put_turn(&turn("s", turn_id))?;
            tx.put_item(&item("s", turn_id, &format!("item-of-{turn_id}")))?;
            let of_turn = TurnId::new(turn_id);
            tx.put_transcript_entry(
                &id,
                &TranscriptEntry { turn_id: of_turn, ..entry(&format!("entry-of-{turn_id}")) },
            )?;
        }
        tx.put_turn(&turn("other", "t2"))?;
        assert_eq!(tx.last_turn_of(&id)?.map(|turn| turn.id), Some(TurnId::new("t2")));
        tx.forget_turn(&id, &TurnId::new("t2"))?;
        // The sums that bound a transcript are right, or this would not be.
        tx.forget_turn(&id, &TurnId::new("t2"))?;
        tx.put_transcript_entry(&id, &entry("another"))?;
        let items: Vec<_> = tx.items_of(&id)?.into_iter().map(|item| item.id.to_string()).collect();
        let entries: Vec<_> = tx.transcript_entries(&id)?.into_iter().map(|entry| entry.message_id).collect();
        let other = tx.turn(&SessionId::new("other"), &TurnId::new("t2"))?;
        Ok::<_, Error>((tx.last_turn_of(&id)?.map(|turn| turn.id), items, entries, other.is_some()))
    });
    let (last, items, entries, other) = forgotten.await.unwrap();
    assert_eq!((last, other), (Some(TurnId::new("t1")), true));
    assert_eq!((items, entries), (vec!["item-of-t1".to_owned()], vec!["entry-of-t1".to_owned(), "another".to_owned()]));
}

#[tokio::test]
async fn a_turn_ends_once() {
    let folder = folder();
    let store = open(&folder);
    let (s, t) = (SessionId::new("s"), TurnId::new("t"));
    let open_turn = turn("s", "t");
    let (ended, steps) = store
        .write(move |tx| {
            let steps = [
                tx.finish_turn(&s, &t, TurnStatus::Failed, at(1))?,
                tx.put_turn(&open_turn)?,
                tx.put_turn(&open_turn)?,
                tx.finish_turn(&s, &t, TurnStatus::Interrupted, at(2))?,
                tx.finish_turn(&s, &t, TurnStatus::Completed, at(3))?,
                tx.put_turn(&open_turn)?,
            ];
            Ok::<_, Error>((tx.turn(&s, &t)?, steps))
        })
        .await
        .unwrap();
    assert_eq!(steps, [false, true, true, true, false, false]);
    let expected = Turn { status: TurnStatus::Interrupted, completed_at: Some(at(2)), ..turn("s", "t") };
    assert_eq!(ended, Some(expected));
}

#[tokio::test]
async fn open_turns_are_found() {
    let folder = folder();
    let store = open(&folder);
    let turns = [turn("b", "1"), turn("a", "1"), turn("b", "2")];
    let expected = turns.clone();
    let (all, of_b, ended, of_c) = store
        .write(move |tx| {
            turns.iter().try_for_each(|turn| tx.put_turn(turn).map(drop))?;
            tx.finish_turn(&turns[0].session, &turns[0].id, TurnStatus::Completed, at(1))?;
            let (b, c) = (SessionId::new("b"), SessionId::new("c"));
            Ok::<_, Error>((tx.open_turns()?, tx.open_turn_of(&b)?, tx.turn(&b, &turns[0].id)?, tx.open_turn_of(&c)?))
        })
        .await
        .unwrap();
    assert_eq!(all, expected[1..]);
    assert_eq!(of_b, Some(expected[2].clone()));
    assert_eq!(ended.map(|turn| turn.status), Some(TurnStatus::Completed));
    assert_eq!(of_c, None);
}

#[tokio::test]
async fn an_item_keeps_its_place_and_a_cut_turn_closes_what_streams() {
    let folder = folder();
    let store = open(&folder);
    let (s, t) = (SessionId::new("s"), TurnId::new("t"));
    let (closed, items) = store
        .write(move |tx| {
            for id in ["2", "1", "3"] {
                tx.put_item(&item("s", "t", id))?;
            }
            tx.put_item(&item("s", "other", "4"))?;
            tx.put_item(&Item { status: ItemStatus::Complete, completed_at: Some(at(1)), ..item("s", "t", "1") })?;
            tx.put_item(&Item { text: "so far".into(), ..item("s", "t", "2") })?;
            let closed = tx.close_open_items(&s, &t, ItemStatus::Canceled, at(2))?;
            assert_eq!(tx.close_open_items(&s, &t, ItemStatus::Canceled, at(3))?, []);
            let all = tx.items_of(&s)?;
            assert_eq!((tx.item(&s, &all[0].id)?.as_ref(), tx.item(&s, &ItemId::new("5"))?), (Some(&all[0]), None));
            Ok::<_, Error>((closed, all))
        })
        .await
        .unwrap();
    let cut = |id: &str, text: &str| Item {
        text: text.into(),
        status: ItemStatus::Canceled,
        completed_at: Some(at(2)),
        ..item("s", "t", id)
    };
    assert_eq!(closed, [cut("2", "so far"), cut("3", "")]);
    assert_eq!(items.iter().map(|item| item.id.clone()).collect::<Vec<_>>(), ["2", "1", "3", "4"].map(ItemId::new));
    assert_eq!(items[0], closed[0]);
    assert_eq!(items[1].completed_at, Some(at(1)));
    assert_eq!(items[3].status, ItemStatus::Streaming);

    let s = SessionId::new("s");
    let items: Result<_, Error> = store
        .write(move |tx| {
            tx.close_all_items(ItemStatus::Canceled, at(4))?;
            tx.items_of(&s)
        })
        .await;
    let ends: Vec<_> = items.unwrap().iter().map(|item| (item.status, item.completed_at)).collect();
    let (canceled, complete) = (ItemStatus::Canceled, ItemStatus::Complete);
    assert_eq!(ends[0], (canceled, Some(at(2))));
    assert_eq!(ends[1], (complete, Some(at(1))));
    assert_eq!(ends[3], (canceled, Some(at(4))), "an item of another turn");
}

#[tokio::test]
async fn a_page_of_items_is_bounded_in_number_and_in_bytes() {
    let folder = folder();
    let store = open(&folder);
    let written = store.write(|tx| {
        let long = |id: &str, bytes| Item { text: "x".repeat(bytes), ..item("s", "t", id) };
        [long("1", 9), long("2", 200), long("3", 60), long("4", 9)].iter().try_for_each(|item| tx.put_item(item))
    });
    written.await.unwrap();
    let page = async |after: Option<&str>, limit, bytes_max| {
        let (s, after) = (SessionId::new("s"), after.map(ItemId::new));
        let read = store.read::<_, Error, _>(move |view| view.items_after(&s, after.as_ref(), limit, bytes_max));
        read.await.unwrap().into_iter().map(|item| item.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 9, 1000).await, ["1", "2", "3", "4"]);
    assert_eq!(page(None, 9, 100).await, ["1"]);
    assert_eq!(page(Some("1"), 9, 100).await, ["2"], "one comes in any case");
    assert_eq!(page(Some("2"), 9, 100).await, ["3", "4"]);
    assert_eq!(page(Some("2"), 1, 100).await, ["3"]);

    let s = SessionId::new("s");
    let read = store.read::<_, Error, _>(move |view| {
        let mut places = Vec::new();
        view.each_item_outline(&s, |outline| {
            assert_eq!((outline.turn, outline.kind), ("t", item("s", "t", "1").kind.as_str()));
            places.push(outline.place);
        })?;
        let between = |first: usize, last: usize, bytes_max| {
            let items = view.items_between(&s, places[first], places[last], bytes_max)?;
            Ok::<_, Error>(items.into_iter().map(|(place, item)| (place, item.id.to_string())).unzip())
        };
        let [all, some, one]: [(Vec<_>, Vec<_>); 3] = [between(0, 3, 1000)?, between(1, 2, 1000)?, between(1, 3, 1)?];
        assert_eq!((all.0 == places, all.1.join(" ").as_str()), (true, "1 2 3 4"));
        assert_eq!((some.1.join(" "), one.1.join(" ")), ("2 3".to_owned(), "2".to_owned()));
        Ok(())
    });
    read.await.unwrap();
}

#[tokio::test]
async fn a_token_is_found_and_ended_once() {
    let folder = folder();
    let store = open(&folder);
    let token = Token {
        id: TokenId::fresh(),
        name: "laptop".into(),
        role: Role::Operator,
        hash: [7; 32],
        created_at: at(0),
        expires_at: Some(at(60)),
        revoked_at: None,
    };
    let expected = token.clone();
    let (found, ended, tokens) = store
        .write(move |tx| {
            tx.put_token(&token)?;
            let found = tx.tokens()?;
            let ended = [tx.revoke_token(&token.id, at(1))?, tx.revoke_token(&token.id, at(2))?];
            Ok::<_, Error>((found, ended, tx.tokens()?))
        })
        .await
        .unwrap();
    assert_eq!((found, ended), (vec![expected.clone()], [true, false]));
    assert_eq!(tokens, [Token { revoked_at: Some(at(1)), ..expected }]);
}
