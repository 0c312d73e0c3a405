//! c: a command that is accepted, and one that is declined.

use std::path::Path;

use serde_json::{Value, json};

use super::api::{Api, text};
use super::fault::{Fault, ensure};
use super::follow::Follow;
use super::frame::Frame;
use super::stage::Stage;
use super::tell::{event, seen, word};

/// A request for approval, as the stream told it.
pub(super) struct Asked {
    /// Ours: it is decided by this.
    pub(super) approval: String,
    /// Codex's own number of the request, which is used again by the next Codex.
    pub(super) request: String,
    /// The turn that waits.
    pub(super) turn: String,
}

pub(super) async fn play(stage: &mut Stage) -> Result<(), Fault> {
    let (api, events) = stage.live()?;
    let work = stage.folders().work();
    let session = api.session(&asking(&work)).await?;

    let mark = events.mark();
    let asked = ask(&api, &events, &session, "touch accepted.txt").await?;
    ensure(!work.join("accepted.txt").exists(), || "the command ran before it was accepted".to_owned())?;
    decide(&api, &events, &asked, "accept").await?;
    events.turn_end(mark, &asked.turn).await?;
    ensure(work.join("accepted.txt").exists(), || "the command was accepted and left no file".to_owned())?;
    seen("the command ran: accepted.txt is there");

    let mark = events.mark();
    let asked = ask(&api, &events, &session, "touch declined.txt").await?;
    decide(&api, &events, &asked, "decline").await?;
    let answer = events.answer(mark, &asked.turn).await?;
    ensure(!work.join("declined.txt").exists(), || "the command ran although it was declined".to_owned())?;
    let told = stage.model().requests().last().map(last_output).unwrap_or_default();
    ensure(told.contains("rejected"), || format!("the model was told {told:?}"))?;
    seen("the command did not run: there is no declined.txt");
    seen(format!("the model saw the refusal: {answer}"));
    Ok(())
}

/// A session whose every command has to be approved, and then may write.
pub(super) fn asking(work: &Path) -> Value {
    json!({ "cwd": work, "approvalPolicy": "untrusted", "filesystemSandbox": "danger-full-access" })
}

/// Has the model want a command, and waits until it is asked about, in the stream and in the list.
pub(super) async fn ask(api: &Api, events: &Follow, session: &str, command: &str) -> Result<Asked, Fault> {
    let mark = events.mark();
    let turn = api.say(session, &format!("::exec {command}")).await?;
    let frame = events.asked(mark, session).await?;
    let approval = text(&frame.payload()["approvalId"], "the approval's id")?;
    ensure(api.is_pending(&approval).await?, || "what the stream asks for is not in GET /api/approvals".to_owned())?;
    event(&frame, word(&frame.payload()["summary"]));
    let is_request = |other: &Frame| other.seq() == frame.seq() && other.payload()["signalType"] == "request";
    let request = events.find(mark, "Codex's own request", is_request).await?;
    let request = text(&request.payload()["requestId"], "the number of Codex's request")?;
    seen("it is in GET /api/approvals too, and the turn waits");
    Ok(Asked { approval, request, turn })
}

/// Decides, and waits until the stream tells it.
pub(super) async fn decide(api: &Api, events: &Follow, asked: &Asked, decision: &str) -> Result<(), Fault> {
    let mark = events.mark();
    api.decide(&asked.approval, decision).await?.expect(200)?;
    seen(format!("POST /api/approvals/…/decision → {decision}"));
    let frame = events.resolved(mark, &asked.approval).await?;
    let told = (&frame.payload()["status"], &frame.payload()["decision"]);
    ensure(told == (&json!("resolved"), &json!(decision)), || format!("the stream tells {} {}", told.0, told.1))?;
    event(&frame, decision);
    Ok(())
}

/// What a tool answered the model last.
pub(super) fn last_output(request: &Value) -> String {
    let items = request["input"].as_array().map(Vec::as_slice).unwrap_or_default();
    let output = items.iter().rev().find(|item| item["type"].as_str().is_some_and(|kind| kind.ends_with("_output")));
    output.map(|item| item["output"].to_string()).unwrap_or_default()
}
