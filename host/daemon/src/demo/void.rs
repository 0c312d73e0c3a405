//! f, second part: a decision that was recorded and not yet written when Codex died is void. The next Codex counts its
//! requests from 0 again, and is sent nothing that was meant for the one before.

use rustix::process::Signal;
use serde_json::json;
use tokio_util::task::AbortOnDropHandle;

use super::api::{Answer, Api, text};
use super::approval::{ask, asking, decide};
use super::child::process_of;
use super::fault::{Fault, ensure};
use super::patience::{soon, until};
use super::process::Process;
use super::stage::Stage;
use super::tell::{event, seen, word};

/// How large the message is that does not fit into the pipe to Codex.
const LARGE_BYTES: usize = 200_000;
/// How much waits in the pipe when it is full; Linux gives it 65536 bytes, and writers may leave a little of it empty.
const PIPE_FULL_BYTES: u64 = 60_000;

/// A request that is on its way.
type Waiting = AbortOnDropHandle<Result<Answer, Fault>>;

pub(super) async fn play(stage: &mut Stage) -> Result<(), Fault> {
    let (api, events) = stage.live()?;
    let work = stage.folders().work();
    let session = api.session(&asking(&work)).await?;
    let other = api.session(&json!({ "cwd": work })).await?;
    let old = ask(&api, &events, &session, "touch void.txt").await?;

    let (codex, restarts) = process_of(&api).await?;
    let message = stop_reading(&api, &codex, &other).await?;
    seen(format!("the app-server is stopped, and a message of {LARGE_BYTES} bytes has filled the pipe to it"));
    let mark = events.mark();
    let decision = record(&api, &old.approval).await?;
    seen("POST …/decision → accept: recorded, and not written, for the pipe is full");
    codex.signal(Signal::KILL);
    let answer = answered(decision).await?;
    ensure((answer.status, answer.code()) == (409, "expired"), || {
        format!("the decision was answered {}: {}", answer.status, answer.body)
    })?;
    seen("SIGKILL for the app-server: the decision is answered 409 expired");
    let void = events.resolved(mark, &old.approval).await?;
    ensure(void.payload()["status"] == "expired", || format!("the approval is told as {}", void.payload()["status"]))?;
    event(&void, "expired");
    let message = answered(message).await?;
    api.until_ready(restarts + 1).await?;
    half_written(&api, &message).await?;
    let new = ask(&api, &events, &session, "touch fresh.txt").await?;
    ensure(new.request == old.request, || format!("the requests are {} and {}", old.request, new.request))?;
    ensure(api.is_pending(&new.approval).await?, || "nobody decided, and the new request is decided".to_owned())?;
    ensure(!work.join("fresh.txt").exists(), || "nobody decided, and the new command ran".to_owned())?;
    seen(format!(
        "the next app-server's request is number {} again, as the old one's was, and is still pending",
        new.request
    ));
    let mark = events.mark();
    decide(&api, &events, &new, "accept").await?;
    events.turn_end(mark, &new.turn).await?;
    ensure(work.join("fresh.txt").exists(), || "the command was accepted and left no file".to_owned())?;
    ensure(!work.join("void.txt").exists(), || "the void decision ran its command".to_owned())?;
    seen("decided by itself, it ran: fresh.txt is there, and void.txt is not");
    Ok(())
}

/// Makes Codex read no more, and fills the pipe to it with a message that waits to be written.
async fn stop_reading(api: &Api, codex: &Process, session: &str) -> Result<Waiting, Fault> {
    codex.signal(Signal::STOP);
    let (path, body) =
        (format!("/api/sessions/{session}/messages"), json!({ "text": "large ".repeat(LARGE_BYTES / 6) }));
    let api = api.clone();
    let message = AbortOnDropHandle::new(tokio::spawn(async move { api.post(&path, &body).await }));
    until("the pipe to Codex to be full", async || Ok((codex.input_waiting()? >= PIPE_FULL_BYTES).then_some(())))
        .await?;
    Ok(message)
}

/// Decides, and waits until that is recorded: from then on the approval is no longer pending.
async fn record(api: &Api, approval: &str) -> Result<Waiting, Fault> {
    let (caller, id) = (api.clone(), approval.to_owned());
    let decision = AbortOnDropHandle::new(tokio::spawn(async move { caller.decide(&id, "accept").await }));
    until("the decision to be recorded", async || Ok((!api.is_pending(approval).await?).then_some(()))).await?;
    ensure(!decision.is_finished(), || "the decision was answered although nobody reads it".to_owned())?;
    Ok(decision)
}

async fn answered(waiting: Waiting) -> Result<Answer, Fault> {
    let answer = soon("an answer", waiting).await?;
    answer.map_err(|error| Fault::because("a request broke off", error.into()))?
}

/// The message was cut off in the middle, so nobody could know: the answer says where to ask, and it is not sent again.
async fn half_written(api: &Api, message: &Answer) -> Result<(), Fault> {
    ensure(message.status == 504, || format!("the message was answered {}: {}", message.status, message.body))?;
    let id = text(&message.body["operationId"], "where to ask for the message")?;
    let operation = api.get(&format!("/api/operations/{id}")).await?.expect(200)?;
    let state = word(&operation["state"]);
    ensure(matches!(state.as_str(), "failed" | "unknown"), || format!("the message is {state}"))?;
    seen(format!("the message is answered 504, and GET /api/operations/{id} says {state}: it is not sent again"));
    Ok(())
}
