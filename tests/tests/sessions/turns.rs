//! Turns of a session: steered, interrupted, taken back, and over.

use codex_manager_tests::{Fault, Socket, until};
use serde_json::{Value, json};

use super::{of, turns};
use crate::offline::{Offline, real_codex};
use crate::stage::{Stage, ends};

#[tokio::test]
async fn case_13_without_a_turn_there_is_nothing_to_interrupt() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("never", "read-only").await;
    for body in [json!({}), json!({ "turnId": "turn-of-nobody" })] {
        let refused = offline.api.post(&of(&session, "interrupt"), body).await;
        assert_eq!(refused.expect(409)["status"], "no_active_turn");
        assert_eq!(refused.body["sessionId"], session);
    }
}

#[tokio::test]
async fn case_14_only_the_turn_that_runs_is_steered() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("never", "read-only").await;
    let steer = |turn: &str| of(&session, &format!("turns/{turn}/steer"));
    let ended = offline.api.say(&session, "good day").await;
    offline.until_end(&ended).await;
    for turn in [ended.as_str(), "turn-of-nobody"] {
        let refused = offline.api.post(&steer(turn), json!({ "input": "wait" })).await;
        assert_eq!((refused.expect(409)["code"].as_str(), &refused.body["turnId"]), (Some("conflict"), &json!(turn)));
        assert_eq!(refused.body["result"]["actionType"], "turn.steer");
        assert_eq!(refused.body["result"]["status"], "conflict");
    }
    let mut socket = Socket::open(&offline.api, "").await;
    let turn = offline.api.say(&session, "::hold 2").await;
    socket.until("its words", |frame| frame["payload"]["params"]["delta"] == "word 2 ").await;
    let refused = offline.api.post(&steer("turn-of-nobody"), json!({ "input": "wait" })).await;
    assert_eq!(refused.expect(409)["code"], "conflict");
    assert_eq!(offline.api.post(&steer(&turn), json!({ "input": "" })).await.expect(400)["code"], "invalid_request");
    let steered = offline.api.post(&steer(&turn), json!({ "input": "say it shorter" })).await;
    let expected = json!({ "actionType": "turn.steer", "status": "performed", "details": { "turnId": turn } });
    assert_eq!((&steered.expect(200)["result"], &steered.body["turnId"]), (&expected, &json!(turn)));
    let (_, answer) = offline.until_end(&turn).await;
    assert!(answer.contains("say it shorter"), "{answer}");
}

#[tokio::test]
async fn case_15_the_last_turns_are_taken_back() {
    let offline = Offline::start(&real_codex!()).await;
    let (api, session) = (&offline.api, offline.session("never", "read-only").await);
    let mut said = Vec::new();
    for text in ["one", "two", "three"] {
        said.push(api.say(&session, text).await);
        offline.until_end(said.last().unwrap()).await;
    }
    for (turns, path) in [(json!(0), "numTurns"), (json!(4), "numTurns"), (json!("two"), "numTurns")] {
        let refused = api.post(&of(&session, "rollback"), json!({ "numTurns": turns })).await;
        assert_eq!(
            (refused.expect(400)["code"].as_str(), &refused.body["issues"][0]["path"][0]),
            (Some("invalid_request"), &json!(path))
        );
    }
    assert_eq!(turns(api, &session).await.len(), 3, "nothing was taken back");
    let taken = api.post(&of(&session, "rollback"), json!({ "numTurns": 2 })).await;
    assert_eq!((&taken.expect(200)["status"], &taken.body["numTurns"]), (&json!("ok"), &json!(2)));
    assert_eq!(taken.body["result"]["thread"]["id"], session);
    assert_eq!(turns(api, &session).await, [json!(said[0])]);
    let transcript = api.transcript(&session).await;
    assert!(transcript.iter().all(|row| row["turnId"] == said[0]), "{transcript:?}");
    let mut socket = Socket::open(api, "?after=0").await;
    let frames = socket.until("the turns' end", |frame| frame["type"] == "session_rolled_back").await;
    assert_eq!(frames.last().unwrap()["payload"]["turnIds"], json!(said[1..]));

    let mut socket = Socket::open(api, "").await;
    let held = api.say(&session, "::hold 1").await;
    // Codex accepts a turn a moment before it can interrupt it.
    socket.until("its words", |frame| frame["payload"]["params"]["delta"] == "word 1 ").await;
    let refused = api.post(&of(&session, "rollback"), json!({})).await;
    assert_eq!(refused.expect(409)["code"], "invalid_state");
    api.post(&of(&session, "interrupt"), json!({ "turnId": held })).await.expect(200);
    offline.until_end(&held).await;
    api.post(&of(&session, "rollback"), json!({})).await.expect(200);
    assert_eq!(turns(api, &session).await, [json!(said[0])]);
}

#[tokio::test]
async fn case_15_what_the_child_does_not_have_is_told_as_such() {
    let unknown =
        |method: &&str| Fault::Refuse(-32600, Some(format!("Invalid request: unknown variant `{method}`"))).on(method);
    let methods = ["thread/revert", "thread/fork", "thread/compact/start", "review/start", "turn/steer"];
    let stage = Stage::ready(methods.iter().map(unknown).collect::<Vec<_>>()).await;
    let session = stage.session().await;
    stage.turn(&session, "good day").await;
    for verb in ["rollback", "fork", "compact", "review"] {
        let refused = stage.api.post(&of(&session, verb), json!({})).await;
        assert_eq!(refused.expect(501)["code"], "method_not_supported", "{verb}");
    }
    let refused = stage.api.post(&of(&session, "turns/t/steer"), json!({ "input": "wait" })).await;
    assert_eq!(refused.expect(501)["code"], "method_not_supported");
}

#[tokio::test]
async fn an_interrupt_that_codex_never_answers_ends_with_the_turn() {
    let stage = Stage::ready([Fault::Hang.on("turn/interrupt")]).await;
    let session = stage.session().await;
    stage.api.say(&session, "::approve make all").await;
    let approval = stage.api.until_asked(&session).await;
    let (api, path) = (stage.api.clone(), of(&session, "interrupt"));
    let interrupt = tokio::spawn(async move { api.post(&path, json!({})).await });
    until("the interrupt", async || stage.home.received_of("turn/interrupt").pop()).await;
    stage.api.decide(&approval, "accept").await.expect(200);
    let refused = interrupt.await.unwrap();
    assert_eq!(refused.expect(409)["status"], "no_active_turn");
    stage.turn(&session, "again").await;
}

#[tokio::test]
async fn a_review_that_ends_under_another_id_than_it_began_is_over() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    stage.turn(&session, "good day").await;
    let turn = |id: &str, status: &str| json!({ "id": id, "items": [], "status": status });
    let tell = |method: &str, turn: Value| {
        Fault::Tell(method.to_owned(), json!({ "threadId": session, "turn": turn })).on("review/start")
    };
    let answer = json!({ "reviewThreadId": session, "turn": turn("outer", "inProgress") });
    let home = stage.end().await;
    home.script([
        Fault::Answer(answer).on("review/start"),
        tell("turn/started", turn("inner", "inProgress")),
        tell("turn/completed", turn("outer", "completed")),
    ]);
    let stage = Stage::start_on(home).await;
    stage.api.until_codex_is("ready").await;
    stage.api.post(&of(&session, "review"), json!({})).await.expect(200);
    stage.until("its end", |frame| ends(frame, "outer")).await;
    let refused = stage.api.post(&of(&session, "interrupt"), json!({})).await;
    assert_eq!(refused.expect(409)["status"], "no_active_turn");
    assert_eq!(stage.home.received_of("turn/interrupt").len(), 0, "nobody has to be asked");
}
