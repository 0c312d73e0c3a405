//! Sessions: made, listed, used, changed and put away, by their own routes.

mod turns;

use codex_manager_model::{SessionId, Worker};
use codex_manager_store::{Config, Error};
use codex_manager_tests::{Api, Fault, Home, Socket, until};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::offline::{Offline, real_codex};
use crate::stage::{Stage, of_type};

/// What a daemon gives to sessions whose creator says nothing.
fn defaults() -> Value {
    json!({
        "model": null, "approvalPolicy": "untrusted", "networkAccess": "restricted",
        "filesystemSandbox": "read-only", "settings": {},
    })
}

fn of(session: &str, verb: &str) -> String {
    format!("/api/sessions/{session}/{verb}")
}

/// The session as the list shows it.
async fn listed(api: &Api, query: &str, session: &str) -> Option<Value> {
    let page = api.get(&format!("/api/sessions{query}")).await;
    page.expect(200)["data"].as_array().unwrap().iter().find(|one| one["sessionId"] == session).cloned()
}

/// The ids of the turns that the child knows, the oldest first.
async fn turns(api: &Api, session: &str) -> Vec<Value> {
    let shown = api.get(&format!("/api/sessions/{session}")).await;
    let turns = shown.expect(200)["thread"]["turns"].as_array().cloned().unwrap_or_default();
    turns.iter().map(|turn| turn["id"].clone()).collect()
}

#[tokio::test]
async fn case_01_a_session_of_nobodys_wishes_has_the_defaults_and_is_not_materialized() {
    let offline = Offline::start(&real_codex!()).await;
    let made = offline.api.post("/api/sessions", json!({})).await;
    let session = &made.expect(200)["session"];
    assert_eq!((&session["approvalPolicy"], &session["materialized"]), (&json!("untrusted"), &json!(false)));
    assert_eq!((&session["sessionControls"], &session["title"]), (&defaults(), &json!("New chat")));
    assert_eq!((&session["projectId"], &session["threadMissing"]), (&Value::Null, &json!(false)));
    assert_eq!(made.body["thread"]["id"], session["sessionId"]);
    assert!(made.body.get("warnings").is_none(), "{}", made.body);

    let deprecated = json!({ "approvalPolicy": "on-failure", "cwd": offline.home.project() });
    let made = offline.api.post("/api/sessions", deprecated).await;
    assert_eq!(made.expect(200)["session"]["approvalPolicy"], "on-failure", "kept as it was said");
    assert!(made.body["warnings"][0].as_str().unwrap().contains("on-failure is deprecated"), "{}", made.body);
}

#[tokio::test]
async fn case_11_the_list_has_the_new_session_and_those_of_workers_only_when_asked() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("untrusted", "read-only").await;
    let worker = offline.session("untrusted", "read-only").await;
    let shown = listed(&offline.api, "", &session).await.unwrap();
    assert_eq!(shown["materialized"], false);
    let offline = offline.restart_after(async |home| make_worker(home, &worker).await).await;
    let api = &offline.api;
    assert_eq!(listed(api, "", &worker).await, None);
    assert_eq!(listed(api, "?includeSystemOwned=false", &worker).await, None);
    assert!(listed(api, "?includeSystemOwned=true", &worker).await.is_some());
    assert!(listed(api, "?includeSystemOwned=true", &session).await.is_some());
    api.get(&format!("/api/sessions/{worker}")).await.expect(200);
    let refused = api.post(&of(&worker, "messages"), json!({ "text": "do mine" })).await;
    refused.expect(403);
    assert_eq!((refused.code(), &refused.body["sessionId"]), ("system_session", &json!(worker)));

    let first = api.get("/api/sessions?limit=1&includeSystemOwned=true").await;
    let cursor = first.expect(200)["nextCursor"].as_str().unwrap().to_owned();
    let second = api.get(&format!("/api/sessions?limit=1&includeSystemOwned=true&cursor={cursor}")).await;
    assert_ne!(first.body["data"][0]["sessionId"], second.expect(200)["data"][0]["sessionId"]);
    assert_eq!(second.body["nextCursor"], Value::Null, "and that is all of them");
    for query in ["limit=0", "limit=201", "limit=x", "cursor=nonsense", "archived=perhaps"] {
        assert_eq!(api.get(&format!("/api/sessions?{query}")).await.expect(400)["code"], "invalid_request", "{query}");
    }
}

#[tokio::test]
async fn case_12_a_message_is_accepted_answered_and_makes_its_session_real() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("untrusted", "read-only").await;
    let mut socket = Socket::open(&offline.api, &format!("?threadId={session}")).await;
    let said = json!({
        "text": "good day", "effort": "low", "approvalPolicy": "never",
        "dynamicTools": [{ "name": "late", "description": "Too late.", "inputSchema": {} }],
    });
    let accepted = offline.api.post(&of(&session, "messages"), said).await;
    assert_eq!(accepted.expect(202)["status"], "accepted");
    assert!(accepted.body["warnings"][0].as_str().unwrap().contains("dynamicTools are fixed"), "{}", accepted.body);
    let turn = accepted.body["turnId"].as_str().unwrap();
    let answered = |row: &Value| row["turnId"] == turn && row["role"] == "assistant" && row["status"] == "complete";
    offline.api.until_transcript(&session, "the answer", answered).await;
    let frames = socket.until("the turn's end", |frame| crate::stage::ends(frame, turn)).await;
    let told = of_type(&frames, "session_controls_updated");
    assert_eq!(told[0]["payload"]["controls"]["approvalPolicy"], "never", "what a message says stays");
    let shown = listed(&offline.api, "", &session).await.unwrap();
    assert_eq!((&shown["materialized"], &shown["approvalPolicy"]), (&json!(true), &json!("never")));
    assert_eq!(shown["title"], "good day", "until somebody names it");
}

#[tokio::test]
async fn case_17_a_session_without_a_turn_is_not_put_away() {
    let offline = Offline::start(&real_codex!()).await;
    let (api, session) = (&offline.api, offline.session("never", "read-only").await);
    let refused = api.post(&of(&session, "archive"), json!({})).await;
    assert_eq!(
        (&refused.expect(409)["status"], &refused.body["sessionId"]),
        (&json!("not_materialized"), &json!(session))
    );

    offline.ask(&session, "good day").await;
    for _ in 0..2 {
        let away = api.post(&of(&session, "archive"), json!({})).await;
        assert_eq!(away.expect(200), &json!({ "status": "ok", "sessionId": session }));
    }
    assert_eq!(listed(api, "", &session).await, None);
    assert!(listed(api, "?archived=true", &session).await.is_some());
    let refused = api.post(&of(&session, "messages"), json!({ "text": "still there?" })).await;
    assert_eq!(refused.expect(409)["code"], "invalid_state");
    assert_eq!(refused.body["detail"], format!("session {session} is archived"));
    assert!(refused.body["hint"].as_str().unwrap().contains(&format!("sessions unarchive {session}")));
    // Codex cannot be told of a name while the thread is away; it hears of it afterwards.
    api.post(&of(&session, "rename"), json!({ "title": "Away" })).await.expect(200);
    let back = api.post(&of(&session, "unarchive"), json!({})).await;
    assert_eq!((&back.expect(200)["session"]["title"], &back.body["thread"]["id"]), (&json!("Away"), &json!(session)));
    assert_eq!(api.post(&of(&session, "unarchive"), json!({})).await.expect(409)["code"], "invalid_state");
    until("Codex's word of the name", async || {
        let shown = api.get(&format!("/api/sessions/{session}")).await;
        (shown.expect(200)["thread"]["name"] == "Away").then_some(())
    })
    .await;
    offline.ask(&session, "and now?").await;
    let mut socket = Socket::open(api, "?after=0").await;
    let frames = socket.until("its return", |frame| frame["type"] == "session_unarchived").await;
    assert_eq!(of_type(&frames, "session_archived").len(), 1, "told once");
}

#[tokio::test]
async fn case_63_what_a_session_is_not_to_be_told_is_refused_with_its_place() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    let tool = json!({ "name": "t", "description": "d", "inputSchema": {} });
    for (verb, body, member) in [
        ("messages", json!({}), "text"),
        ("messages", json!({ "text": " " }), "text"),
        ("messages", json!({ "text": "a", "effort": "most" }), "effort"),
        ("messages", json!({ "text": "a", "approvalPolicy": "sometimes" }), "approvalPolicy"),
        ("messages", json!({ "text": "a", "dynamicTools": [{ "name": "t" }] }), "dynamicTools"),
        ("messages", json!({ "text": "a", "dynamicTools": vec![tool; 129] }), "dynamicTools"),
        ("rename", json!({}), "title"),
        ("rename", json!({ "title": "" }), "title"),
        ("rename", json!({ "title": "x".repeat(201) }), "title"),
        ("turns/t/steer", json!({}), "input"),
        ("rollback", json!({ "numTurns": -1 }), "numTurns"),
        ("review", json!({ "delivery": "by post" }), "delivery"),
        ("review", json!({ "targetType": "commit" }), "sha"),
        ("resume", json!({ "dynamicTools": [{}] }), "dynamicTools"),
        ("interrupt", json!({ "turnId": 7 }), "turnId"),
    ] {
        let refused = stage.api.post(&of(&session, verb), body.clone()).await;
        assert_eq!(refused.expect(400)["code"], "invalid_request", "{verb} {body}");
        assert_eq!(refused.body["issues"][0]["path"][0], member, "{verb} {body}");
    }
    assert_eq!(stage.home.received_of("turn/start").len(), 0);
}

#[tokio::test]
async fn who_may_not_come_to_a_session_is_told_so_before_anything_else() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let stage = Stage::start_on(home).await;
    stage.api.until_codex_is("ready").await;
    let (deleted, worker) = (stage.session().await, stage.session().await);
    let gone = stage.api.send(stage.api.request(Method::DELETE, &format!("/api/sessions/{deleted}"))).await.unwrap();
    gone.expect(200);
    let home = stage.end().await;
    make_worker(&home, &worker).await;
    let stage = Stage::start_on(home).await;
    stage.api.until_codex_is("ready").await;
    let nobody = "0fffffff-0000-7000-8000-000000000000";
    for (verb, wrong) in [
        ("fork", json!({})),
        ("rename", json!({ "title": 7 })),
        ("archive", json!({})),
        ("unarchive", json!({})),
        ("resume", json!({ "dynamicTools": 7 })),
        ("messages", json!({ "text": 7 })),
        ("turns/t/steer", json!({ "input": 7 })),
        ("interrupt", json!({ "turnId": 7 })),
        ("rollback", json!({ "numTurns": 0 })),
        ("compact", json!({})),
        ("background-terminals/clean", json!({})),
        ("review", json!({ "targetType": 7 })),
    ] {
        for (id, status, word, code) in [
            (deleted.as_str(), 410, "deleted", "session_deleted"),
            (worker.as_str(), 403, "error", "system_session"),
            (nobody, 404, "not_found", "session_not_found"),
            ("malformed", 404, "not_found", "session_not_found"),
            ("%ff%fe", 404, "not_found", "route_not_found"),
        ] {
            let refused = stage.api.post(&of(id, verb), wrong.clone()).await;
            assert_eq!((&refused.expect(status)["status"], refused.code()), (&json!(word), code), "{verb} of {id}");
            assert!(id.starts_with('%') || refused.body["sessionId"] == id, "{verb}: {}", refused.body);
        }
    }
    let gone = stage.api.get(&format!("/api/sessions/{deleted}")).await;
    assert!(gone.expect(410)["deletedAt"].as_str().unwrap().parse::<Timestamp>().is_ok(), "{}", gone.body);
    assert_eq!(gone.body["message"], "This chat was permanently deleted and is no longer available.");
    stage.api.get(&format!("/api/sessions/{worker}")).await.expect(200);
    stage.api.get(&format!("/api/sessions/{nobody}")).await.expect(404);
}

#[tokio::test]
async fn a_fork_begins_with_what_was_said_and_goes_its_own_way() {
    let offline = Offline::start(&real_codex!()).await;
    let (api, session) = (&offline.api, offline.session("never", "read-only").await);
    offline.ask(&session, "good day").await;
    api.post(&of(&session, "rename"), json!({ "title": "Greetings" })).await.expect(200);
    let forked = api.post(&of(&session, "fork"), json!({})).await;
    let new = &forked.expect(200)["session"];
    assert_eq!((&forked.body["sourceSessionId"], &new["title"]), (&json!(session), &json!("Greetings")));
    assert_eq!((&new["approvalPolicy"], &new["materialized"]), (&json!("never"), &json!(true)));
    let fork = new["sessionId"].as_str().unwrap();
    assert_eq!(forked.body["thread"]["id"], fork);
    let said = |rows: Vec<Value>| -> Vec<Value> { rows.iter().map(|row| row["content"].clone()).collect() };
    assert_eq!(said(api.transcript(fork).await), said(api.transcript(&session).await));
    offline.ask(fork, "and you?").await;
    assert_eq!((turns(api, fork).await.len(), turns(api, &session).await.len()), (2, 1));
    let mut socket = Socket::open(api, "?after=0").await;
    let is_fork = |frame: &Value| frame["type"] == "session_created" && frame["threadId"] == fork;
    let frames = socket.until("the fork", is_fork).await;
    assert_eq!(frames.last().unwrap()["payload"]["sourceSessionId"], session);
}

#[tokio::test]
async fn a_title_is_ours_at_once_and_codexs_soon_and_stays() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("never", "read-only").await;
    for title in ["First", "  Second  "] {
        let renamed = offline.api.post(&of(&session, "rename"), json!({ "title": title })).await;
        assert_eq!(renamed.expect(200)["session"]["title"], title.trim());
    }
    until("Codex's word of it", async || {
        let shown = offline.api.get(&format!("/api/sessions/{session}")).await;
        (shown.expect(200)["thread"]["name"] == "Second").then_some(())
    })
    .await;
    let offline = offline.restart().await;
    assert_eq!(listed(&offline.api, "", &session).await.unwrap()["title"], "Second");
    let mut socket = Socket::open(&offline.api, "?after=0").await;
    let frames = socket.until("the name", |frame| frame["payload"]["title"] == "Second").await;
    let titles: Vec<_> = of_type(&frames, "session_renamed").iter().map(|f| f["payload"]["title"].clone()).collect();
    assert_eq!(titles, ["First", "Second"], "each told once");
}

#[tokio::test]
async fn codex_compacts_reviews_cleans_and_resumes() {
    let offline = Offline::start(&real_codex!()).await;
    let (api, session) = (&offline.api, offline.session("never", "read-only").await);
    offline.ask(&session, "good day").await;
    for (verb, body) in [
        ("background-terminals/clean", json!({})),
        ("review", json!({ "instructions": "Look at the greeting." })),
        ("compact", json!({})),
    ] {
        let done = api.post(&of(&session, verb), body).await;
        assert_eq!((&done.expect(200)["status"], &done.body["sessionId"]), (&json!("ok"), &json!(session)), "{verb}");
        assert!(done.body["result"].is_object(), "{verb}: {}", done.body);
        until("an end to it", async || {
            let refused = api.post(&of(&session, "interrupt"), json!({})).await;
            (refused.status == 409).then_some(())
        })
        .await;
    }
    let detached = api.post(&of(&session, "review"), json!({ "delivery": "detached" })).await;
    assert_eq!(detached.expect(400)["code"], "invalid_params", "Codex knows no other");
    let offline = offline.restart().await;
    let resumed = offline.api.post(&of(&session, "resume"), json!({})).await;
    assert_eq!(
        (&resumed.expect(200)["thread"]["id"], &resumed.body["session"]["sessionId"]),
        (&json!(session), &json!(session))
    );
    offline.ask(&session, "go on").await;
}

#[tokio::test]
async fn a_client_that_leaves_leaves_no_thread_without_a_name() {
    let stage = Stage::ready([Fault::WaitFor("go".to_owned()).on("thread/start")]).await;
    let request = stage.api.request(Method::POST, "/api/sessions").json(&json!({}));
    let begun = until("the child to be asked", async || stage.home.received_of("thread/start").pop());
    tokio::select! {
        answer = stage.api.send(request) => panic!("nobody can have answered yet: {answer:?}"),
        _ = begun => {}
    }
    // The request is dropped, and its connection with it, of which the daemon knows before it answers another.
    stage.api.get("/api/health").await.expect(200);
    std::fs::write(stage.home.codex_home().join("go"), "").unwrap();
    until("the name", async || (stage.home.received_of("thread/name/set").len() == 1).then_some(())).await;
    let created = |frame: &Value| frame["type"] == "session_created";
    let frames = stage.until("the session", created).await;
    let session = frames.last().unwrap()["threadId"].as_str().unwrap().to_owned();
    assert!(listed(&stage.api, "", &session).await.is_some());
}

/// Makes a session that of a worker, as the queue will.
async fn make_worker(home: &Home, session: &str) {
    let store = Config { folder: home.data(), size_bytes_max: None }.open().unwrap();
    let id = SessionId::new(session);
    let made: Result<(), Error> = store
        .write(move |tx| {
            let mut session = tx.session(&id)?.expect("it was just made");
            session.worker = Some(Worker { owner: "prj_1".to_owned(), agent: "supervisor".to_owned() });
            tx.put_session(&session)
        })
        .await;
    made.unwrap();
    store.close().await;
}
