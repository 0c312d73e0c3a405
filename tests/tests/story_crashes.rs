//! The daemon is killed at each step between an event and the child's stdin, and started again on the same folders.
//!
//! What must be true then: what an extension asked for is there as a whole, with its mark and its record, or not at all;
//! what the child had asked dies with it, and no answer reaches its successor; an event that was cut short is told again,
//! twice at most; and whatever comes next is dealt with as ever.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use codex_manager_tests::{Fault, Home, Launch, Moment, Process, row, until};
use reqwest::Method;
use serde_json::{Value, json};

use crate::sandbox::lay;
use crate::stage::{Stage, ends, launch, of_type};

/// Declines what it is asked, and leaves a row that says so.
const DECLINER: &str = "house.decliner";
/// Leaves a row when a turn has ended.
const NOTER: &str = "house.noter";
const ASKED: &str = "app_server.request.item.command_execution.request_approval";
const ENDED: &str = "app_server.turn.completed";

/// What is to be found after the daemon was killed while an approval was on its way.
struct Left {
    /// Whether the decision, the row and all that tells of them are there.
    group: bool,
    /// Whether the child that asked has received the answer.
    answered: bool,
    /// What the approval came to.
    status: &'static str,
}

const NOTHING: Left = Left { group: false, answered: false, status: "expired" };
const GROUP: Left = Left { group: true, answered: false, status: "expired" };

#[tokio::test]
async fn when_the_event_is_committed_nobody_has_decided() {
    asked_and_killed_at("event_committed", NOTHING).await;
}

#[tokio::test]
async fn when_a_call_has_begun_nobody_has_decided() {
    asked_and_killed_at("call_begun", NOTHING).await;
}

#[tokio::test]
async fn when_a_call_has_returned_nothing_of_its_group_is_done() {
    asked_and_killed_at("call_returned", NOTHING).await;
}

#[tokio::test]
async fn when_a_group_is_committed_all_of_it_is_done_and_nothing_sent() {
    asked_and_killed_at("group_committed", GROUP).await;
}

#[tokio::test]
async fn when_it_is_about_to_be_sent_nothing_is_sent_and_nothing_sent_again() {
    asked_and_killed_at("sending_recorded", GROUP).await;
}

#[tokio::test]
async fn when_the_answer_is_written_it_is_written_once_and_nobody_says_that_it_counted() {
    asked_and_killed_at("reply_written", Left { answered: true, ..GROUP }).await;
}

#[tokio::test]
async fn when_the_outcome_is_recorded_it_is_told_as_made_and_not_again() {
    asked_and_killed_at("outcome_recorded", Left { group: true, answered: true, status: "resolved" }).await;
}

#[tokio::test]
async fn an_event_that_was_cut_short_runs_again_and_is_done_once() {
    let home = home_with(NOTER);
    let session = killed_at("call_begun", &home, NOTER, "good day").await;
    let stage = restarted(home).await;
    let record = until("its record", async || of_session(&stage, NOTER, &session).await.pop()).await;
    assert_eq!((&record["outcome"], &record["sentence"]), (&json!("applied"), &Value::Null));
    assert_noted_once(&stage, &session).await;
}

#[tokio::test]
async fn an_event_whose_group_is_committed_does_not_run_again() {
    let home = home_with(NOTER);
    let session = killed_at("group_committed", &home, NOTER, "good day").await;
    assert_noted_once(&restarted(home).await, &session).await;
}

#[tokio::test]
async fn an_event_that_three_lives_did_not_outlive_is_failed_and_the_next_is_not() {
    let home = home_with(NOTER);
    let session = killed_at("call_begun", &home, NOTER, "good day").await;
    for _ in 0..2 {
        assert_killed(life(&launch().dying_at("call_begun"), &home).await);
    }
    let stage = restarted(home).await;
    let record = until("its record", async || of_session(&stage, NOTER, &session).await.pop()).await;
    let sentence = "the host ended 3 times while house.noter was dealing with it";
    assert_eq!((&record["outcome"], &record["sentence"]), (&json!("failed"), &json!(sentence)));
    let frames = assert_next_is_noted(&stage).await;
    let told = of_session_in(&frames, "extension_invoked", &session);
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["outcome"], &told[0]["sentence"]), (&json!("failed"), &json!(sentence)));
    assert_eq!(rows_of(&stage, NOTER, &session).await, 0);

    // Nor in any later life.
    let stage = restarted(stage.end().await).await;
    assert_next_is_noted(&stage).await;
    assert_eq!(of_session(&stage, NOTER, &session).await, [record]);
}

/// Has the child ask for an approval, kills the daemon at this arrow, starts it again and looks at everything.
async fn asked_and_killed_at(arrow: &str, left: Left) {
    let home = home_with(DECLINER);
    // So that what the first child makes of an answer does not get in before the kill.
    home.script([Fault::Hang.at(Moment::Reply).in_generation(1)]);
    let session = killed_at(arrow, &home, DECLINER, "::approve make clean").await;
    let stage = restarted(home).await;
    let record = until("its record", async || of_session(&stage, DECLINER, &session).await.pop()).await;
    assert_eq!(replies(&stage.home, 1).len(), usize::from(left.answered));
    assert_eq!(replies(&stage.home, 2), [] as [Value; 0]);
    assert_eq!(stage.api.approvals(&session).await, [] as [Value; 0]);

    let frames = assert_next_is_declined(&stage).await;
    assert_whole(&frames);
    let asked = frames.iter().find(|frame| frame["type"] == ASKED && frame["threadId"] == session).unwrap();
    assert_eq!(Some(&record["event"]), asked.get("seq"));
    assert_eq!(record["outcome"], if left.group { "applied" } else { "expired" });
    assert_eq!(of_session(&stage, DECLINER, &session).await, [record], "it is done with once");

    let resolved = of_session_in(&frames, "approval_resolved", &session);
    assert_eq!(resolved.len(), 1, "{resolved:?}");
    let decision = if left.group { json!("decline") } else { Value::Null };
    assert_eq!((&resolved[0]["status"], &resolved[0]["decision"]), (&json!(left.status), &decision));
    // The request has rows of its own beside that of the extension.
    let told = of_session_in(&frames, "transcript_updated", &session);
    let rows = told.iter().filter(|payload| payload["entry"]["type"] == DECLINER).count();
    let group = usize::from(left.group);
    assert_eq!((rows, of_session_in(&frames, "extension_invoked", &session).len()), (group, group));
    assert_eq!(rows_of(&stage, DECLINER, &session).await, group);
}

/// A home where this extension was dropped.
fn home_with(extension: &str) -> Home {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let (_, name) = extension.split_once('.').unwrap();
    lay(name, &home.project().join("extensions").join(name)).expect("text needs no tools");
    home
}

/// One life that ends at `arrow`, after the extension was approved and this was said; gives the session.
async fn killed_at(arrow: &str, home: &Home, extension: &str, text: &str) -> String {
    let daemon = launch().dying_at(arrow).start(home).await;
    let api = daemon.api();
    api.until_codex_is("ready").await;
    api.approve_extension(extension).await;
    let session = api.session(json!({"cwd": home.project()})).await;
    let family = daemon.descendants();
    let message = api.request(Method::POST, &format!("/api/sessions/{session}/messages")).json(&json!({"text": text}));
    // It may die before it has answered.
    let _ = api.send(message).await;
    assert_killed(daemon.end().await);
    Process::all_gone(&family).await;
    session
}

/// One life to its end, which may come before it listens.
async fn life(launch: &Launch, home: &Home) -> ExitStatus {
    match launch.try_start(home).await {
        Ok(daemon) => daemon.end().await,
        Err(refusal) => refusal.status,
    }
}

fn assert_killed(status: ExitStatus) {
    assert_eq!(status.signal(), Some(9), "{status}");
}

/// A daemon on the same folders, which nobody kills.
async fn restarted(home: Home) -> Stage {
    let stage = Stage::start_on(home).await;
    stage.api.until_codex_is("ready").await;
    stage
}

/// Has the child ask again, which is declined as ever; gives all that the stream has ever said.
async fn assert_next_is_declined(stage: &Stage) -> Vec<Value> {
    let session = stage.session().await;
    let turn = stage.api.say(&session, "::approve make all").await;
    // The child may be done with an answer before it is recorded that it has it.
    let (mut is_over, mut is_told) = (false, false);
    let both = |frame: &Value| {
        is_over |= ends(frame, &turn);
        is_told |= frame["type"] == "approval_resolved" && frame["threadId"] == session;
        is_over && is_told
    };
    let frames = stage.until("the turn's end and what was decided", both).await;
    assert_eq!(stage.answer(&session, &turn).await, "It was rejected. Done.");
    assert_eq!(replies(&stage.home, 2), [json!({"id": 0, "result": {"decision": "decline"}})]);
    let resolved = of_session_in(&frames, "approval_resolved", &session);
    assert_eq!(resolved.len(), 1);
    assert_eq!(
        (&resolved[0]["status"], &resolved[0]["actor"]),
        (&json!("resolved"), &json!("extension:house.decliner"))
    );
    assert_eq!(rows_of(stage, DECLINER, &session).await, 1);
    assert_eq!(stage.api.extension(DECLINER).await["approved"]["standing"]["state"], "enabled");
    frames
}

/// Whether what the extension noted of that session is there once, and the next turn is noted too.
async fn assert_noted_once(stage: &Stage, session: &str) {
    let frames = assert_next_is_noted(stage).await;
    let ended = frames.iter().find(|frame| frame["type"] == ENDED && frame["threadId"] == session).unwrap();
    let records = of_session(stage, NOTER, session).await;
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!((&records[0]["outcome"], &records[0]["event"]), (&json!("applied"), &ended["seq"]));
    for kind in ["transcript_updated", "extension_invoked"] {
        assert_eq!(of_session_in(&frames, kind, session).len(), 1, "{kind}");
    }
    assert_eq!(rows_of(stage, NOTER, session).await, 1);
}

/// Lets a turn end, which is noted as ever; gives all that the stream has ever said.
async fn assert_next_is_noted(stage: &Stage) -> Vec<Value> {
    let session = stage.session().await;
    stage.api.say(&session, "good day").await;
    let is_told = |frame: &Value| frame["type"] == "extension_invoked" && frame["threadId"] == session;
    let frames = stage.until("what is noted next", is_told).await;
    assert_eq!(frames.last().unwrap()["payload"]["outcome"], "applied");
    assert_eq!(rows_of(stage, NOTER, &session).await, 1);
    assert_eq!(stage.api.extension(NOTER).await["approved"]["standing"]["state"], "enabled");
    assert_whole(&frames);
    frames
}

/// Whether the log has every number once, in order. A row may have several frames.
fn assert_whole(frames: &[Value]) {
    let mut rows: Vec<u64> = frames.iter().filter_map(row).collect();
    rows.dedup();
    assert!(rows.iter().copied().eq(1..=rows.len() as u64), "the log is not dense: {rows:?}");
}

/// What the frames of one type say of a session.
fn of_session_in<'a>(frames: &'a [Value], kind: &str, session: &str) -> Vec<&'a Value> {
    let frames = of_type(frames, kind).into_iter();
    frames.filter(|frame| frame["threadId"] == session).map(|frame| &frame["payload"]).collect()
}

/// What is recorded of an extension and this session.
async fn of_session(stage: &Stage, extension: &str, session: &str) -> Vec<Value> {
    let records = stage.api.invocations(extension).await.into_iter();
    records.filter(|record| record["sessionId"] == session).collect()
}

/// How many rows an extension has left in a session's transcript.
async fn rows_of(stage: &Stage, extension: &str, session: &str) -> usize {
    stage.api.transcript(session).await.iter().filter(|row| row["type"] == extension).count()
}

/// The answers that the child received to its own requests in one of its lives.
fn replies(home: &Home, generation: u64) -> Vec<Value> {
    home.received(generation).into_iter().filter(|message| message.get("method").is_none()).collect()
}
