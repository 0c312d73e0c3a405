//! The child ends: at once, in its handshake, in a turn, between hearing a request and answering it.

use codex_manager_tests::{Fault, Moment, Process, until};
use serde_json::json;

use crate::stage::{Stage, ends, of_type};

#[tokio::test]
async fn a_child_that_ends_at_once_is_started_again() {
    let exit = |generation| Fault::Exit(3).at(Moment::Start).in_generation(generation);
    let stage = Stage::start([exit(1), exit(2)]).await;
    stage.assert_works().await;
    let codex = stage.api.codex().await;
    assert_eq!((codex["restarts"].as_u64(), codex["lastExit"]["code"].as_i64()), (Some(2), Some(3)), "{codex}");
    assert_eq!(stage.home.starts(), 3);
}

#[tokio::test]
async fn a_child_that_always_ends_is_a_crash_loop_until_it_does_not() {
    let stage = Stage::start([Fault::Exit(3).at(Moment::Start)]).await;
    let codex = stage.api.until_codex_is("crash-loop").await;
    assert!(codex["retryAt"].is_string() && codex["attempt"].is_u64(), "{codex}");

    let refused = stage.api.post("/api/sessions", json!({})).await;
    refused.expect(503);
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(stage.api.get("/api/sessions").await.status, 200);

    stage.home.script([]);
    stage.assert_works().await;
    assert!(stage.home.received_of("thread/start").len() == 1, "a refused request is not sent later");
}

#[tokio::test]
async fn a_child_that_ends_in_its_handshake_is_started_again() {
    let stage = Stage::start([
        Fault::Exit(0).on("initialize").in_generation(1),
        Fault::Exit(1).on("initialized").in_generation(2),
    ]);
    let stage = stage.await;
    stage.api.until_restarted(2).await;
    stage.assert_works().await;
}

#[tokio::test]
async fn a_turn_whose_child_dies_is_told_as_interrupted_and_the_session_goes_on() {
    let stage = Stage::ready([Fault::Exit(1).at(Moment::Turn).in_generation(1)]).await;
    let session = stage.session().await;
    let turn = stage.api.say(&session, "good day").await;

    let frames = stage.until("the interrupted turn", |frame| frame["type"] == "turn_interrupted").await;
    let told = &frames.last().unwrap()["payload"];
    assert_eq!((told["turnId"].as_str(), told["reason"].as_str()), (Some(&*turn), Some("app_server_exited")));
    assert!(told["items"].to_string().contains("Hello from the scripted app-server."), "{told}");
    assert!(of_type(&frames, "app_server_state").iter().any(|frame| frame["payload"]["state"] == "exited"));

    stage.api.until_restarted(1).await;
    let next = stage.api.say(&session, "again").await;
    stage.until_end(&next).await;
    assert_eq!(stage.answer(&session, &next).await, "Hello from the scripted app-server. Done.");
    assert!(stage.answer(&session, &turn).await.contains("Hello"), "what was said before the end is kept");
    assert_eq!(stage.home.received_of("turn/start").len(), 2);
}

#[tokio::test]
async fn half_a_line_is_no_message_and_the_next_child_works() {
    let stage = Stage::ready([Fault::HalfLine.at(Moment::Turn).in_generation(1)]).await;
    let session = stage.session().await;
    stage.api.say(&session, "good day").await;
    stage.api.until_restarted(1).await;
    let frames = stage.turn(&session, "again").await;
    assert_eq!(of_type(&frames, "turn_interrupted").len(), 1);
    stage.assert_works().await;
}

#[tokio::test]
async fn a_killed_child_is_told_and_replaced() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    stage.api.say(&session, "::hold").await;
    let pid = u32::try_from(stage.api.codex().await["pid"].as_u64().unwrap()).unwrap();
    Process::find(pid).unwrap().kill();

    stage.until("the interrupted turn", |frame| frame["type"] == "turn_interrupted").await;
    let codex = stage.api.until_restarted(1).await;
    assert_eq!(codex["lastExit"]["signal"], 9, "{codex}");
    assert_ne!(codex["pid"], pid);
    let frames = stage.turn(&session, "again").await;
    assert!(frames.iter().any(|frame| frame["type"] == "app_server_state"));
}

#[tokio::test]
async fn a_message_that_was_taken_but_not_answered_is_found_again_and_not_sent_twice() {
    let stage =
        Stage::ready([Fault::Mute.on("turn/start").in_generation(1), Fault::Exit(1).at(Moment::Turn).in_generation(1)]);
    let stage = stage.await;
    let session = stage.session().await;
    let path = format!("/api/sessions/{session}/messages");
    let answer = stage.api.post(&path, json!({"text": "good day"})).await;
    stage.api.until_restarted(1).await;
    if answer.status != 202 {
        let operation = answer.expect(504)["operationId"].as_str().unwrap().to_owned();
        until_operation(&stage, &operation, "answered").await;
    }
    assert_eq!(stage.home.received_of("turn/start").len(), 1);
    stage.assert_works().await;
}

#[tokio::test]
async fn a_message_that_died_with_the_child_is_told_as_failed_and_not_sent_again() {
    let stage = Stage::ready([Fault::Exit(1).on("turn/start").in_generation(1)]).await;
    let session = stage.session().await;
    let path = format!("/api/sessions/{session}/messages");
    let answer = stage.api.post(&path, json!({"text": "good day"})).await;
    let operation = answer.expect(504)["operationId"].as_str().unwrap().to_owned();
    until_operation(&stage, &operation, "failed").await;
    assert_eq!(stage.home.received_of("turn/start").len(), 1);

    let next = stage.api.say(&session, "again").await;
    stage.until("the turn's end", |frame| ends(frame, &next)).await;
    assert_eq!(stage.home.received_of("turn/start").len(), 2);
}

#[tokio::test]
async fn a_turn_that_was_accepted_with_the_last_breath_is_told_as_interrupted() {
    let turn = json!({"turn": {"id": "turn-of-a-moment", "status": "inProgress"}});
    let moment = Moment::Method("turn/start".to_owned());
    let rules = [Fault::Answer(turn).at(moment.clone()), Fault::Exit(1).at(moment)].map(|rule| rule.in_generation(1));
    let stage = Stage::ready(rules).await;
    let session = stage.session().await;
    assert_eq!(stage.api.say(&session, "good day").await, "turn-of-a-moment");
    let told = |frame: &serde_json::Value| frame["type"] == "turn_interrupted";
    let frames = stage.until("the interrupted turn", told).await;
    assert_eq!(frames.last().unwrap()["payload"]["turnId"], "turn-of-a-moment");
    stage.api.until_restarted(1).await;
    let refused = stage.api.post(&format!("/api/sessions/{session}/interrupt"), json!({})).await;
    assert_eq!(refused.expect(409)["status"], "no_active_turn");
}

#[tokio::test]
async fn a_command_that_outlives_its_turn_ends_with_the_child() {
    let item = json!({"type": "commandExecution", "id": "long", "command": "sleep 300", "status": "inProgress"});
    // The turn's own ids are not known before it runs; what is told names the thread alone.
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    stage.turn(&session, "good day").await;
    let told = json!({"threadId": session, "turnId": "over", "item": item});
    let end = json!({"threadId": session, "turn": {"id": "over", "status": "interrupted"}});
    let output = json!({"threadId": session, "turnId": "over", "itemId": "long", "delta": "still here"});
    stage.home.script(
        [("item/started", told), ("turn/completed", end), ("item/commandExecution/outputDelta", output)]
            .map(|(method, params)| Fault::Tell(method.to_owned(), params).at(Moment::Turn)),
    );
    // The script is read at each start.
    let pid = u32::try_from(stage.api.codex().await["pid"].as_u64().unwrap()).unwrap();
    Process::find(pid).unwrap().kill();
    let codex = stage.api.until_restarted(1).await;
    stage.turn(&session, "again").await;
    let is_the_command =
        |status: &'static str| move |row: &serde_json::Value| row["messageId"] == "long" && row["status"] == status;
    stage.api.until_transcript(&session, "the command that runs on", is_the_command("streaming")).await;
    Process::find(u32::try_from(codex["pid"].as_u64().unwrap()).unwrap()).unwrap().kill();
    stage.api.until_restarted(2).await;
    stage.api.until_transcript(&session, "the command's end", is_the_command("canceled")).await;
}

/// Asks what became of an operation until it is in `state`.
async fn until_operation(stage: &Stage, id: &str, state: &str) {
    let path = format!("/api/operations/{id}");
    until(&format!("operation {state}"), async || {
        let answer = stage.api.get(&path).await;
        (answer.expect(200)["state"] == state).then_some(())
    })
    .await;
}
