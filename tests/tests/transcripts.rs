//! What clients write into a transcript, beside what the child tells.

use codex_manager_tests::{Home, Socket};
use serde_json::{Value, json};

use crate::stage::{Stage, launch, of_type};

/// An entry of a turn with some members changed.
fn entry(turn: &str, change: Value) -> Value {
    let mut entry = json!({
        "messageId": "note-1", "turnId": turn, "role": "system", "type": "house.note", "content": "Looked at it.",
        "status": "complete",
    });
    entry.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    entry
}

fn path(session: &str) -> String {
    format!("/api/sessions/{session}/transcript/upsert")
}

/// The ids of the rows of a turn, in their order, where ours stand among the child's.
fn places<'a>(transcript: &'a [Value], turn: &str) -> Vec<&'a str> {
    let rows = transcript.iter().filter(|row| row["turnId"] == turn);
    rows.map(|row| if row["type"] == "house.note" { &row["messageId"] } else { &row["role"] })
        .filter_map(Value::as_str)
        .collect()
}

#[tokio::test]
async fn an_entry_is_told_at_once_and_stands_in_its_turn() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    let turn = stage.api.say(&session, "good day").await;
    stage.until_end(&turn).await;
    let mut socket = Socket::open(&stage.api, &format!("?threadId={session}")).await;
    let written = stage.api.post(&path(&session), entry(&turn, json!({ "startedAt": 5, "completedAt": 3 }))).await;
    let whole = entry(&turn, json!({ "startedAt": 5, "completedAt": 5 }));
    assert_eq!(written.expect(200), &json!({ "status": "ok", "sessionId": session, "entry": whole }));

    let frames = socket.until("transcript_updated", |frame| frame["type"] == "transcript_updated").await;
    let told = of_type(&frames, "transcript_updated")[0];
    let expected =
        json!({ "threadId": session, "turnId": turn, "messageId": "note-1", "type": "house.note", "entry": whole });
    assert_eq!((&told["payload"], &told["threadId"]), (&expected, &json!(session)));

    let transcript = stage.api.transcript(&session).await;
    assert_eq!(places(&transcript, &turn), ["user", "note-1", "assistant"]);
    let user = transcript.iter().find(|row| row["role"] == "user").unwrap()["messageId"].clone();
    let anchored = json!({ "messageId": "note-2", "details": json!({ "anchorItemId": user }).to_string() });
    stage.api.post(&path(&session), entry(&turn, anchored)).await.expect(200);
    stage.api.post(&path(&session), entry("elsewhere", json!({ "messageId": "note-3" }))).await.expect(200);
    let transcript = stage.api.transcript(&session).await;
    assert_eq!(places(&transcript, &turn), ["user", "note-2", "note-1", "assistant"]);
    assert_eq!(transcript.last().unwrap()["messageId"], "note-3");
}

#[tokio::test]
async fn an_entry_outlives_the_daemon_and_does_not_begin_again() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let daemon = launch().start(&home).await;
    let api = daemon.api();
    api.until_codex_is("ready").await;
    let session = api.session(json!({ "cwd": home.project() })).await;
    let streaming = json!({ "status": "streaming", "content": "Looking …", "details": "so far" });
    for change in [streaming.clone(), json!({}), streaming] {
        api.post(&path(&session), entry("t", change)).await.expect(200);
    }
    let whole = entry("t", json!({ "details": "so far" }));
    assert_eq!(api.transcript(&session).await, std::slice::from_ref(&whole));
    daemon.kill().await;

    let daemon = launch().start(&home).await;
    let api = daemon.api();
    api.until_codex_is("ready").await;
    assert_eq!(api.transcript(&session).await, [whole]);
}

#[tokio::test]
async fn what_is_no_entry_is_refused_and_not_told() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    for member in ["messageId", "turnId", "role", "type", "content", "status"] {
        let mut partial = entry("t", json!({}));
        partial.as_object_mut().unwrap().remove(member);
        let refused = stage.api.post(&path(&session), partial).await;
        assert_eq!(refused.expect(400)["issues"][0]["path"], json!([member]), "{}", refused.body);
    }
    let wrong = [
        json!({ "messageId": "" }),
        json!({ "role": "model" }),
        json!({ "status": "done" }),
        json!({ "content": "x".repeat(300_000) }),
        json!({ "details": {} }),
        json!({ "startedAt": -1 }),
        json!({ "startedAt": u64::MAX }),
    ];
    for change in wrong {
        let refused = stage.api.post(&path(&session), entry("t", change.clone())).await;
        let member = change.as_object().unwrap().keys().next().unwrap();
        assert_eq!(refused.expect(400)["issues"][0]["path"], json!([member]), "{}", refused.body);
    }
    let unknown = stage.api.post(&path("nobody"), entry("t", json!({}))).await;
    unknown.expect(404);
    assert_eq!((unknown.code(), &unknown.body["sessionId"]), ("session_not_found", &json!("nobody")));

    stage.api.post(&path(&session), entry("t", json!({}))).await.expect(200);
    let frames = stage.until("the entry", |frame| frame["type"] == "transcript_updated").await;
    assert_eq!(of_type(&frames, "transcript_updated").len(), 1);
    assert_eq!(stage.api.transcript(&session).await.len(), 1);
}
