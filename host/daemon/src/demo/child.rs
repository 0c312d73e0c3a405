//! f, first part: Codex dies, is missed, and comes back.

use rustix::process::Signal;
use serde_json::Value;

use super::api::{Answer, Api};
use super::approval::{ask, asking};
use super::fault::{Fault, ensure};
use super::patience::until;
use super::process::Process;
use super::stage::Stage;
use super::tell::{event, note, seen, word};

/// How often Codex is killed in order to be missed, which on a busy machine one may be too late for.
const KILLS_MAX: u32 = 3;

/// What was seen while Codex was gone.
struct Missed {
    codex: Value,
    refusal: Answer,
}

pub(super) async fn play(stage: &mut Stage) -> Result<(), Fault> {
    let (api, events) = stage.live()?;
    let session = api.session(&asking(&stage.folders().work())).await?;
    let asked = ask(&api, &events, &session, "touch never.txt").await?;

    let mark = events.mark();
    let (missed, restarts) = kill_and_look(&api, &session).await?;
    let (codex, exit) = (&missed.codex, &missed.codex["lastExit"]);
    seen(format!("health tells it: codex.state {}, last exit by signal {}", word(&codex["state"]), exit["signal"]));
    note(format!("attempt {} to start it again is for {}", codex["attempt"], word(&codex["retryAt"])));
    let retry_after = missed.refusal.retry_after.as_deref().unwrap_or_default();
    seen(format!("a call answers 503 {} with Retry-After: {retry_after}", missed.refusal.code()));

    let expired = events.resolved(mark, &asked.approval).await?;
    ensure(expired.payload()["status"] == "expired", || format!("the approval is {}", expired.payload()["status"]))?;
    event(&expired, "expired: nobody is left who could be answered");
    let late = api.decide(&asked.approval, "accept").await?;
    ensure((late.status, late.code()) == (404, "expired"), || {
        format!("a late decision got {} {}", late.status, late.body)
    })?;

    let codex = api.until_ready(restarts).await?;
    seen(format!("codex.state is ready again: process {}, {} restart(s)", codex["pid"], codex["restarts"]));
    let mark = events.mark();
    let turn = api.say(&session, "Are you back?").await?;
    let answer = events.answer(mark, &turn).await?;
    ensure(answer.ends_with("Are you back?"), || format!("the answer is {answer:?}"))?;
    seen(format!("the next turn on the same session works: {answer}"));
    ensure(!stage.folders().work().join("never.txt").exists(), || "the command of the dead child ran".to_owned())
}

/// The process that health says Codex is.
pub(super) async fn process_of(api: &Api) -> Result<(Process, u64), Fault> {
    let codex = api.until_ready(0).await?;
    let pid = codex["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
    let process =
        pid.and_then(Process::find).ok_or_else(|| Fault::new("health does not say which process Codex is"))?;
    Ok((process, codex["restarts"].as_u64().unwrap_or_default()))
}

/// Kills Codex and looks at once; again, if it was back before both could be seen. Gives how many restarts that takes.
async fn kill_and_look(api: &Api, session: &str) -> Result<(Missed, u64), Fault> {
    for _ in 0..KILLS_MAX {
        let (process, restarts) = process_of(api).await?;
        process.signal(Signal::KILL);
        if let Some(missed) = look(api, session, restarts).await? {
            seen(format!("SIGKILL for the app-server, process {}", process.pid));
            return Ok((missed, restarts + 1));
        }
    }
    Err(Fault::new(format!("killed {KILLS_MAX} times, Codex was always back before it could be missed")))
}

/// Looks until health and a refused call have told it, or Codex is back.
async fn look(api: &Api, session: &str, restarts: u64) -> Result<Option<Missed>, Fault> {
    let path = format!("/api/sessions/{session}");
    let (mut told, mut refusal) = (None, None);
    until("Codex to be missed", async || {
        let answer = api.get(&path).await?;
        if answer.status == 503 && answer.retry_after.is_some() {
            refusal = Some(answer);
        }
        let codex = api.codex().await?;
        let is_back = codex["state"] == "ready" && codex["restarts"].as_u64().is_some_and(|now| now > restarts);
        if codex["state"] == "restarting" && codex["lastExit"]["signal"] == 9 {
            told = Some(codex);
        }
        Ok(match (told.take(), refusal.take()) {
            (Some(codex), Some(refusal)) => Some(Some(Missed { codex, refusal })),
            _ if is_back => Some(None),
            (still, also) => {
                (told, refusal) = (still, also);
                None
            }
        })
    })
    .await
}
