//! Threads that change behind our back: while the daemon is down, or by other hands than its own.

use std::fs;

use codex_manager_tests::{Api, Fault, Home, Moment, until};
use serde_json::{Map, Value, json};

use crate::stage::{Stage, of_type};

/// A thread that had a turn, as the stand-in keeps it.
fn thread(id: &str, change: Value) -> Value {
    let turn = json!({ "id": format!("turn-of-{id}"), "items": [], "status": "completed" });
    let mut thread = json!({
        "id": id, "preview": format!("said in {id}"), "modelProvider": "scripted", "createdAt": 1000, "updatedAt": 2000,
        "cwd": "/elsewhere", "source": "cli", "name": null, "turns": [turn],
    });
    thread.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    thread
}

fn file(home: &Home) -> std::path::PathBuf {
    home.codex_home().join("threads.json")
}

/// Changes what the stand-in keeps, while it is down.
fn change(home: &Home, change: impl FnOnce(&mut Map<String, Value>)) {
    let mut threads = fs::read(file(home)).map_or_else(|_| Map::new(), |text| serde_json::from_slice(&text).unwrap());
    change(&mut threads);
    fs::write(file(home), serde_json::to_vec(&threads).unwrap()).unwrap();
}

async fn until_listed(api: &Api, query: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    until(what, async || {
        let page = api.get(&format!("/api/sessions{query}")).await;
        page.expect(200)["data"].as_array().unwrap().iter().find(|session| wanted(session)).cloned()
    })
    .await
}

#[tokio::test]
async fn what_others_did_while_we_were_down_is_taken_in_and_told() {
    let stage = Stage::ready([]).await;
    let (kept, moved, gone) = (stage.session().await, stage.session().await, stage.session().await);
    for session in [&kept, &moved, &gone] {
        stage.turn(session, "good day").await;
    }
    let home = stage.end().await;
    change(&home, |threads| {
        threads[&kept]["name"] = json!("named elsewhere");
        threads[&moved]["archived"] = json!(true);
        threads.remove(&gone);
        threads.insert("t-new".to_owned(), thread("t-new", json!({ "name": "theirs" })));
        threads.insert("t-away".to_owned(), thread("t-away", json!({ "archived": true })));
        threads.insert("t-passing".to_owned(), thread("t-passing", json!({ "ephemeral": true })));
    });
    let stage = Stage::start_on(home).await;
    let api = &stage.api;
    until_listed(api, "", "the thread that is gone", |one| one["sessionId"] == gone && one["threadMissing"] == true)
        .await;
    let new = until_listed(api, "", "the new thread", |one| one["sessionId"] == "t-new").await;
    assert_eq!(
        (&new["title"], &new["materialized"], &new["cwd"]),
        (&json!("theirs"), &json!(true), &json!("/elsewhere"))
    );
    assert_eq!((&new["createdAt"], &new["source"]), (&json!(1000), &json!("cli")));
    assert_eq!(new["approvalPolicy"], "untrusted", "nobody has said that it may do more");
    until_listed(api, "", "the name", |one| one["sessionId"] == kept && one["title"] == "named elsewhere").await;
    until_listed(api, "?archived=true", "the one put away", |one| one["sessionId"] == moved).await;
    let away =
        until_listed(api, "?archived=true", "the new one that is away", |one| one["sessionId"] == "t-away").await;
    assert_eq!(away["title"], "said in t-away");
    let all = api.get("/api/sessions?includeSystemOwned=true").await;
    assert!(!all.expect(200).to_string().contains("t-passing"), "{}", all.body);
    let shown = api.get(&format!("/api/sessions/{gone}")).await;
    assert_eq!(shown.expect(200)["transcript"].as_array().unwrap().len(), 2, "our own record of it is left");
    let refused = api.post(&format!("/api/sessions/{gone}/messages"), json!({ "text": "still there?" })).await;
    assert_eq!(refused.expect(409)["code"], "thread_missing");

    let frames = stage.until("the last of it", |frame| frame["type"] == "session_thread_missing").await;
    let told = |kind: &str| of_type(&frames, kind).iter().filter(|frame| frame["threadId"] != Value::Null).count();
    assert_eq!((told("session_created"), told("session_renamed"), told("session_archived")), (5, 1, 1));
    stage.assert_works().await;
}

#[tokio::test]
async fn a_look_again_changes_nothing_and_brings_back_what_is_there_again() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    change(&home, |threads| drop(threads.insert("t".to_owned(), thread("t", json!({})))));
    let stage = Stage::start_on(home).await;
    until_listed(&stage.api, "", "the thread", |one| one["sessionId"] == "t").await;
    let home = stage.end().await;
    let threads = fs::read(file(&home)).unwrap();
    change(&home, Map::clear);
    let stage = Stage::start_on(home).await;
    until_listed(&stage.api, "", "its loss", |one| one["threadMissing"] == true).await;
    let home = stage.end().await;
    fs::write(file(&home), threads).unwrap();
    let stage = Stage::start_on(home).await;
    until_listed(&stage.api, "", "its return", |one| one["threadMissing"] == false).await;
    let back = |frame: &Value| frame["type"] == "session_thread_missing" && frame["payload"]["missing"] == false;
    let frames = stage.until("its return", back).await;
    assert_eq!(of_type(&frames, "session_created").len(), 1);
    assert_eq!(of_type(&frames, "session_thread_missing").len(), 2);
}

#[tokio::test]
async fn many_threads_are_taken_in_page_by_page() {
    const THREADS: usize = 250;
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    change(&home, |threads| {
        threads.extend((0..THREADS).map(|n| (format!("t-{n:03}"), thread(&format!("t-{n:03}"), json!({})))));
    });
    let stage = Stage::start_on(home).await;
    until("all of them", async || {
        let first = stage.api.get("/api/sessions?limit=200").await;
        let cursor = first.expect(200)["nextCursor"].as_str()?.to_owned();
        let rest = stage.api.get(&format!("/api/sessions?limit=200&cursor={cursor}")).await;
        (rest.expect(200)["data"].as_array()?.len() == THREADS - 200).then_some(())
    })
    .await;
    let lists = stage.home.received_of("thread/list");
    assert!(lists.iter().all(|list| list["params"]["limit"].as_u64() <= Some(100)), "{lists:?}");
}

#[tokio::test]
async fn what_is_told_of_a_thread_is_taken_in_at_once() {
    let told = |method: &str, params: Value| Fault::Tell(method.to_owned(), params).at(Moment::Turn).once();
    let stage = Stage::ready([
        told("thread/started", json!({ "thread": thread("t", json!({})) })),
        told("thread/name/updated", json!({ "threadId": "t", "threadName": "by hand" })),
        told("thread/archived", json!({ "threadId": "t" })),
        told("thread/archived", json!({ "threadId": "t" })),
    ])
    .await;
    let session = stage.session().await;
    let frames = stage.turn(&session, "good day").await;
    let of_t: Vec<_> = frames.iter().filter(|frame| frame["threadId"] == "t").collect();
    let house: Vec<_> =
        of_t.iter().filter_map(|frame| frame["type"].as_str()).filter(|kind| kind.starts_with("session_")).collect();
    assert_eq!(house, ["session_created", "session_renamed", "session_archived"], "each told once");
    let page = stage.api.get("/api/sessions?archived=true").await;
    assert_eq!(page.expect(200)["data"][0]["title"], "by hand");
}

#[tokio::test]
async fn a_thread_that_is_heard_of_in_the_middle_is_looked_up() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let began = json!({ "threadId": "t", "turn": { "id": "turn", "items": [], "status": "inProgress" } });
    let nothing = json!({ "data": [], "nextCursor": null });
    let mut first_look = Fault::Answer(nothing).on("thread/list");
    first_look.times = Some(2);
    home.script([first_look, Fault::Tell("turn/started".to_owned(), began).at(Moment::Turn).once()]);
    change(&home, |threads| drop(threads.insert("t".to_owned(), thread("t", json!({ "name": "heard of" })))));
    let stage = Stage::start_on(home).await;
    stage.api.until_codex_is("ready").await;
    until("the first look", async || (stage.home.received_of("thread/list").len() >= 2).then_some(())).await;
    let session = stage.session().await;
    stage.turn(&session, "good day").await;
    until_listed(&stage.api, "", "the thread", |one| one["title"] == "heard of").await;
}
