//! e: the daemon dies in the middle of an answer, and comes back to where it was.

use std::time::Duration;

use codex_manager_model::limits::ITEM_FLUSH_INTERVAL;
use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::{Value, json};
use uuid::Uuid;

use super::api::Api;
use super::child::process_of;
use super::fault::{Fault, ensure};
use super::follow::Follow;
use super::frame::{Frame, dense, joined, whole_rows};
use super::patience::until;
use super::process::Process;
use super::stage::Stage;
use super::tell::{event, note, seen, word};

/// An answer of a minute; the daemon dies long before its end.
const LONG_ANSWER: &str = "::slow 3000 20";
/// How many deltas beyond the last flush are waited for, so that there is something to lose.
const DELTAS_UNFLUSHED: usize = 8;
/// How much longer than the interval a flush may take on a busy machine: to be scheduled and to reach the disk.
const FLUSH_DELAY_MAX: Duration = Duration::from_millis(250);

/// What was there when the daemon was killed.
struct Before {
    session: String,
    turn: String,
    /// The rows that the client has seen, all of them since the first.
    rows: Vec<Frame>,
    last: u64,
    deltas: Vec<Frame>,
}

pub(super) async fn play(stage: &mut Stage) -> Result<(), Fault> {
    let (api, events) = stage.live()?;
    let (session, sleeper) = leave_something_running(stage, &api, &events).await?;
    let (turn, mark) = interrupt_here(&api, &events, &session).await?;
    let family = Process::descendants(stage.pid()?);
    let (codex, _) = process_of(&api).await?;

    let frames = stage.kill().await?.to_the_end().await?;
    let deltas: Vec<Frame> = frames[mark..].iter().filter(|frame| frame.delta().is_some()).cloned().collect();
    let rows = whole_rows(frames);
    let last = dense(&rows, 0)?;
    seen(format!("SIGKILL for the daemon, {} deltas into the answer; the last row seen is seq {last}", deltas.len()));
    if stage.is_contained() {
        nothing_left(&family, [&codex, &sleeper]).await?;
    } else {
        uncontained_leftovers(stage, &codex, &sleeper).await?;
    }
    come_back(stage, Before { session, turn, rows, last, deltas }).await
}

/// A command of an earlier turn leaves a process behind that has let go of everything that could end it.
async fn leave_something_running(stage: &Stage, api: &Api, events: &Follow) -> Result<(String, Process), Fault> {
    let controls = json!({
        "cwd": stage.folders().work(),
        "approvalPolicy": "never",
        "filesystemSandbox": "danger-full-access",
    });
    let session = api.session(&controls).await?;
    let mark = events.mark();
    let seconds = format!("86400.{:09}", Uuid::new_v4().as_u128() % 1_000_000_000);
    let command = format!("::exec setsid sleep {seconds} </dev/null >/dev/null 2>&1 & echo detached");
    let turn = api.say(&session, &command).await?;
    events.turn_end(mark, &turn).await?;
    let sleeper = until("the detached process", async || Ok(Process::sleeper(&seconds))).await?;
    seen(format!("a command of a turn left `setsid sleep {seconds}` behind: process {}", sleeper.pid));
    Ok((session, sleeper))
}

/// Begins a long answer, and waits for the moment when some of it is in the log and some of it is not.
async fn interrupt_here(api: &Api, events: &Follow, session: &str) -> Result<(String, usize), Fault> {
    let mark = events.mark();
    let turn = api.say(session, LONG_ANSWER).await?;
    let middle = |frames: &[Frame]| {
        let flush = frames.iter().position(|frame| frame.kind() == "item_text" && frame.turn() == turn)?;
        let later = frames.iter().enumerate().skip(flush).filter(|(_, frame)| frame.delta().is_some());
        later.map(|(index, _)| index).nth(DELTAS_UNFLUSHED)
    };
    events.find_last(mark, "the middle of the answer", middle).await?;
    Ok((turn, mark))
}

/// Contained, everything ends with the daemon: those that are `known`, and all others of its family.
async fn nothing_left(family: &[Process], known: [&Process; 2]) -> Result<(), Fault> {
    let is_of_family = |known: &Process| family.iter().any(|process| process.pid == known.pid);
    ensure(known.into_iter().all(is_of_family), || "a process of Codex was not among the daemon's own".to_owned())?;
    until("the end of every process of the old daemon", async || {
        Ok(family.iter().all(|process| !process.is_alive()).then_some(()))
    })
    .await?;
    seen(format!("none of its {} processes is left: not the app-server, and not the detached one", family.len()));
    Ok(())
}

/// Not contained, what detached itself lives on; the next best thing is to be told.
async fn uncontained_leftovers(stage: &Stage, codex: &Process, sleeper: &Process) -> Result<(), Fault> {
    until("the end of the old app-server", async || Ok((!codex.is_alive()).then_some(()))).await?;
    seen("the old app-server is gone: its input was closed with the daemon's end");
    ensure(sleeper.is_alive(), || "the detached process is gone, though nothing contained it".to_owned())?;
    let said = stage.doctor().await?;
    let named = said.lines().find(|line| line.contains(&format!("{} (", sleeper.pid)));
    let named = named.ok_or_else(|| Fault::new("doctor does not name the process that was left running"))?;
    note(format!("NOT CONTAINED: the detached process is left. doctor: {}", named.trim()));
    sleeper.signal(Signal::KILL);
    Ok(())
}

/// The daemon starts again on the same folders, and a client goes on where it was.
async fn come_back(stage: &mut Stage, before: Before) -> Result<(), Fault> {
    stage.start(before.last).await?;
    let (api, events) = stage.live()?;
    seen(format!("started again on the same folders; the stream resumed with after={}", before.last));
    let listed = api.get("/api/sessions").await?.expect(200)?;
    let is_there = |listed: &Value| {
        listed["data"].as_array().into_iter().flatten().any(|session| session["sessionId"] == before.session)
    };
    ensure(is_there(&listed), || "the session is not in GET /api/sessions".to_owned())?;
    seen("GET /api/sessions has the session");
    let interrupted = events
        .find(0, "the interrupted turn", |frame| frame.kind() == "turn_interrupted" && frame.turn() == before.turn);
    let interrupted = interrupted.await?;
    event(&interrupted, word(&interrupted.payload()["reason"]));
    compare_text(&interrupted, &before.deltas)?;
    api.until_ready(0).await?;
    let seq = interrupted.seq().unwrap_or_default();
    compare_rows(&api, &events, &before, seq).await
}

/// What the log kept of the answer is what the client saw, up to at most one flush interval before the end.
fn compare_text(interrupted: &Frame, deltas: &[Frame]) -> Result<(), Fault> {
    let items = interrupted.payload()["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let kept = items.iter().find(|item| item["itemType"] == "agentMessage").and_then(|item| item["text"].as_str());
    let kept = kept.ok_or_else(|| Fault::new("the interrupted turn has no text"))?;
    let saw = joined(deltas)?;
    ensure(!kept.is_empty() && (saw.starts_with(kept) || kept.starts_with(&saw)), || {
        format!("the log kept {kept:?} where the client saw {saw:?}")
    })?;
    let behind = behind(deltas, kept.chars().count());
    ensure(behind <= ITEM_FLUSH_INTERVAL + FLUSH_DELAY_MAX, || {
        format!("the kept text is {} ms behind what the client saw", behind.as_millis())
    })?;
    seen(format!(
        "its text of {} characters was kept; the client had seen {}: {} ms behind, and a flush is every {}",
        kept.chars().count(),
        saw.chars().count(),
        behind.as_millis(),
        ITEM_FLUSH_INTERVAL.as_millis(),
    ));
    Ok(())
}

/// How much older than the last delta the first one is that lies beyond the first `chars` characters.
fn behind(deltas: &[Frame], chars: usize) -> Duration {
    let beyond = deltas.iter().find(|delta| delta.delta().is_some_and(|(offset, _)| offset >= chars));
    let at = |delta: Option<&Frame>| delta.and_then(Frame::received_at);
    match (at(beyond), at(deltas.last())) {
        (Some(first), Some(last)) => Timestamp::duration_since(last, first).unsigned_abs(),
        _ => Duration::ZERO,
    }
}

/// The rows before and the rows after are together exactly what the log tells somebody who reads all of it.
async fn compare_rows(api: &Api, events: &Follow, before: &Before, seq: u64) -> Result<(), Fault> {
    let resumed = whole_rows(events.since(0));
    let end = dense(&resumed, before.last)?;
    ensure(end >= seq, || "the stream lost the row that it has told".to_owned())?;
    let replay = Follow::open(api, 0).await?;
    let has_all = |frames: &[Frame]| {
        frames.iter().position(|frame| frame.seq().is_some_and(|seq| seq >= end) && frame.is_last_view())
    };
    replay.find_last(0, "the end of the replay", has_all).await?;
    let all: Vec<Frame> =
        whole_rows(replay.since(0)).into_iter().filter(|row| row.seq().is_some_and(|seq| seq <= end)).collect();
    let joined: Vec<&Frame> = before.rows.iter().chain(&resumed).collect();
    let differs = all.iter().zip(&joined).find(|(one, other)| one != *other);
    ensure(differs.is_none() && all.len() == joined.len(), || {
        format!("a full replay differs at seq {:?}", differs.and_then(|(one, _)| one.seq()))
    })?;
    seen(format!(
        "rows {} to {end} came next, and a full replay of 1 to {end} is the same: none missing, none twice",
        before.last + 1
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_behind_is_told_by_when_the_daemon_heard_what_was_lost() {
        let delta = |offset: usize, at: &str| {
            let params = json!({"offset": offset, "delta": "ab"});
            let payload = json!({"params": params, "receivedAt": at});
            Frame(json!({"type": "app_server.item.agent_message.delta", "payload": payload}))
        };
        let deltas =
            [delta(0, "2026-01-01T00:00:00Z"), delta(2, "2026-01-01T00:00:00.1Z"), delta(4, "2026-01-01T00:00:00.4Z")];
        assert_eq!(behind(&deltas, 2), Duration::from_millis(300));
        assert_eq!(behind(&deltas, 6), Duration::ZERO);
    }
}
