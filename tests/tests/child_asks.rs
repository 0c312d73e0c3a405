//! What the child asks: approvals, the same thing twice, things that nobody knows, and questions that outlive it.

use std::fs::File;
use std::io;

use codex_manager_tests::{Fault, Moment, Process, soon, until};
use rustix::io::ioctl_fionread;
use serde_json::{Value, json};

use crate::stage::{Stage, of_type};

/// A message that no pipe holds.
pub(crate) const BIG_MESSAGE: usize = 300_000;
/// A pipe that holds so many bytes is as good as full.
const PIPE_FULL: u64 = 60_000;

/// The answers that the child received to its own requests in one of its lives.
pub(crate) fn replies(stage: &Stage, generation: u64) -> Vec<Value> {
    let received = stage.home.received(generation);
    received.into_iter().filter(|message| message.get("method").is_none()).collect()
}

#[tokio::test]
async fn an_approval_is_decided_once() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    let turn = stage.api.say(&session, "::approve make all").await;
    let approval = stage.api.until_asked(&session).await;
    stage.api.decide(&approval, "accept").await.expect(200);
    stage.until_end(&turn).await;
    assert_eq!(stage.answer(&session, &turn).await, "It ran. Done.");
    assert!((400..500).contains(&stage.api.decide(&approval, "decline").await.status));
    assert_eq!(replies(&stage, 1), [json!({"id": 0, "result": {"decision": "accept"}})]);

    let declined = stage.api.say(&session, "::approve make clean").await;
    let approval = stage.api.until_asked(&session).await;
    stage.api.decide(&approval, "decline").await.expect(200);
    stage.until_end(&declined).await;
    assert_eq!(stage.answer(&session, &declined).await, "It was rejected. Done.");
}

#[tokio::test]
async fn a_request_that_nobody_knows_is_refused_and_shown() {
    let stage = Stage::ready([Fault::UnknownRequest.at(Moment::Turn)]).await;
    let session = stage.session().await;
    let frames = stage.turn(&session, "good day").await;
    let shown = of_type(&frames, "server_request");
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["payload"]["method"], "house/unheardOf");
    let refused = until("the refusal", async || replies(&stage, 1).pop()).await;
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(0), &json!(-32601)), "{refused}");
}

#[tokio::test]
async fn a_malformed_request_for_approval_is_refused() {
    let stage = Stage::ready([Fault::MalformedApproval.at(Moment::Turn)]).await;
    let session = stage.session().await;
    stage.turn(&session, "good day").await;
    let refused = until("the refusal", async || replies(&stage, 1).pop()).await;
    assert!(refused["error"]["code"].is_i64(), "{refused}");
    assert_eq!(stage.api.approvals(&session).await, [] as [Value; 0]);
    stage.assert_works().await;
}

#[tokio::test]
async fn an_id_that_is_text_comes_back_as_it_was() {
    let stage = Stage::ready([Fault::TextIds.at(Moment::Start)]).await;
    let session = stage.session().await;
    let turn = stage.api.say(&session, "::approve make all").await;
    let approval = stage.api.until_asked(&session).await;
    stage.api.decide(&approval, "accept").await.expect(200);
    stage.until_end(&turn).await;
    assert_eq!(replies(&stage, 1), [json!({"id": "ask-0", "result": {"decision": "accept"}})]);
}

#[tokio::test]
async fn a_request_that_comes_twice_waits_and_is_answered_once() {
    let stage = Stage::ready([Fault::RepeatRequest.at(Moment::Approval)]).await;
    let session = stage.session().await;
    let turn = stage.api.say(&session, "::approve make all").await;
    let approval = stage.api.until_asked(&session).await;
    assert_eq!(stage.api.approvals(&session).await.len(), 1);
    stage.api.decide(&approval, "accept").await.expect(200);
    stage.until_end(&turn).await;
    assert_eq!(stage.api.approvals(&session).await.len(), 0);
    assert_eq!(replies(&stage, 1).len(), 1);
}

#[tokio::test]
async fn an_approval_dies_with_the_child_that_asked() {
    let stage = Stage::ready([Fault::Exit(1).at(Moment::Approval).in_generation(1)]).await;
    let session = stage.session().await;
    stage.api.say(&session, "::approve make all").await;
    let frames = stage.until("the expiry", |frame| frame["type"] == "approval_resolved").await;
    let expired = &frames.last().unwrap()["payload"];
    assert_eq!(expired["status"], "expired");
    stage.api.until_restarted(1).await;

    // The successor asks under the same id; it gets the answer to its own question, and to no other.
    let turn = stage.api.say(&session, "::approve make clean").await;
    let approval = stage.api.until_asked(&session).await;
    let stale = expired["approvalId"].as_str().unwrap();
    assert_ne!(stale, approval);
    let late = stage.api.decide(stale, "accept").await;
    assert!((400..500).contains(&late.status), "{late:?}");
    assert_eq!(replies(&stage, 2), [] as [Value; 0]);
    stage.api.decide(&approval, "decline").await.expect(200);
    stage.until_end(&turn).await;
    assert_eq!(replies(&stage, 2), [json!({"id": 0, "result": {"decision": "decline"}})]);
}

#[tokio::test]
async fn a_decision_that_was_recorded_and_not_written_is_void() {
    let stage = Stage::ready([Fault::StopReading.at(Moment::Approval).in_generation(1)]).await;
    let (asking, other) = (stage.session().await, stage.session().await);
    stage.api.say(&asking, "::approve make all").await;
    let approval = stage.api.until_asked(&asking).await;
    let child = Process::find(u32::try_from(stage.api.codex().await["pid"].as_u64().unwrap()).unwrap()).unwrap();

    // The pipe is full, so that the decision can be recorded and cannot be written.
    let (api, path) = (stage.api.clone(), format!("/api/sessions/{other}/messages"));
    let filler = tokio::spawn(async move { api.post(&path, json!({"text": "x".repeat(BIG_MESSAGE)})).await });
    until("a full pipe", async || (is_full(&child)).then_some(())).await;
    let (api, decided) = (stage.api.clone(), approval.clone());
    let decision = tokio::spawn(async move { api.decide(&decided, "accept").await });
    until("a recorded decision", async || stage.api.approvals(&asking).await.is_empty().then_some(())).await;
    child.kill();

    let answer = soon("the decision's end", decision).await.unwrap();
    assert_eq!((answer.status, &answer.body["status"]), (409, &json!("reconciled")), "{answer:?}");
    assert_eq!((&answer.body["approvalId"], &answer.body["threadId"]), (&json!(approval), &json!(asking)));
    let told = |frame: &Value| frame["type"] == "approval_resolved" && frame["payload"]["approvalId"] == *approval;
    let frames = stage.until("the expiry", told).await;
    assert_eq!(frames.last().unwrap()["payload"]["status"], "expired");
    stage.api.until_restarted(1).await;

    let successor = stage.session().await;
    stage.api.say(&successor, "::approve make clean").await;
    let approval = stage.api.until_asked(&successor).await;
    assert_eq!(replies(&stage, 2), [] as [Value; 0], "nothing of the old decision reached the new child");
    stage.api.decide(&approval, "decline").await.expect(200);
    let heard = until("the new decision", async || Some(replies(&stage, 2)).filter(|heard| !heard.is_empty())).await;
    assert_eq!(heard, [json!({"id": 0, "result": {"decision": "decline"}})]);
    soon("the filler's answer", filler).await.unwrap();
}

/// Whether nothing more can be written to the process.
pub(crate) fn is_full(process: &Process) -> bool {
    bytes_waiting(process).unwrap() > PIPE_FULL
}

/// How many bytes wait in the process's stdin.
fn bytes_waiting(process: &Process) -> io::Result<u64> {
    Ok(ioctl_fionread(File::open(format!("/proc/{}/fd/0", process.pid))?)?)
}
