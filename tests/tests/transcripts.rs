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
async fn case_31_an_entry_is_told_at_once_and_stands_in_its_turn() {
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
async fn case_19_an_entry_outlives_the_daemon_and_does_not_begin_again() {
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
    // Who asks for what is not there is told so before anybody looks at what was written.
    for wrong in [entry("t", json!({})), json!({}), json!("text")] {
        let unknown = stage.api.post(&path("nobody"), wrong).await;
        unknown.expect(404);
        assert_eq!((unknown.code(), &unknown.body["sessionId"]), ("session_not_found", &json!("nobody")));
    }

    stage.api.post(&path(&session), entry("t", json!({}))).await.expect(200);
    let frames = stage.until("the entry", |frame| frame["type"] == "transcript_updated").await;
    assert_eq!(of_type(&frames, "transcript_updated").len(), 1);
    assert_eq!(stage.api.transcript(&session).await.len(), 1);
}

#[tokio::test]
async fn case_20_a_made_up_id_does_not_double_what_is_there_under_its_own() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    let turn = stage.api.say(&session, "good day").await;
    stage.until_end(&turn).await;
    let before = stage.api.transcript(&session).await;
    let said = before.iter().find(|row| row["role"] == "assistant").unwrap();
    let again = |id: &str, content: &str| {
        let change = json!({ "messageId": id, "role": "assistant", "type": said["type"], "content": content });
        entry(&turn, change)
    };
    let spaced = format!(" {} ", said["content"].as_str().unwrap().replace(' ', "\n "));
    for row in [again("item-2", &spaced), again("item-3", "something else"), again("mine-2", &spaced)] {
        stage.api.post(&path(&session), row).await.expect(200);
    }
    let after = stage.api.transcript(&session).await;
    let ids: Vec<_> = after.iter().filter_map(|row| row["messageId"].as_str()).collect();
    assert!(!ids.contains(&"item-2") && ids.contains(&"item-3") && ids.contains(&"mine-2"), "{ids:?}");
    assert_eq!(after.len(), before.len() + 2);
}

#[tokio::test]
async fn a_row_without_times_has_those_of_its_turn_and_what_streamed_to_its_end_is_complete() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    let turn = stage.api.say(&session, "::hold").await;
    stage.api.post(&path(&session), entry(&turn, json!({ "status": "streaming" }))).await.expect(200);
    let note = async || {
        let rows = stage.api.transcript(&session).await;
        rows.into_iter().find(|row| row["messageId"] == "note-1").unwrap()
    };
    let open = note().await;
    assert_eq!((&open["status"], open["startedAt"].is_number()), (&json!("streaming"), true), "{open}");
    assert_eq!(open.get("completedAt"), None);
    stage.api.post(&format!("/api/sessions/{session}/interrupt"), json!({})).await.expect(200);
    stage.until_end(&turn).await;
    let ended = note().await;
    assert_eq!((&ended["status"], &ended["startedAt"]), (&json!("complete"), &open["startedAt"]), "{ended}");
    assert!(ended["completedAt"].as_i64() >= ended["startedAt"].as_i64(), "{ended}");

    // What the model had said by then is there, and how it ended.
    let rows = stage.api.transcript(&session).await;
    let cut = rows.iter().find(|row| row["role"] == "assistant").unwrap();
    assert_eq!((&cut["content"], &cut["status"]), (&json!("Holding. Done."), &json!("canceled")));
}
