//! The guard at work: it declines a deletion and says why, and abstains from everything else.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{GRANTED, GUARD};
use crate::demo::api::{Api, text};
use crate::demo::approval::{ask, asking, decide, last_output};
use crate::demo::fault::{Fault, ensure};
use crate::demo::frame::Frame;
use crate::demo::patience::until;
use crate::demo::stage::Stage;
use crate::demo::tell::{event, seen, word};

/// A deletion that the guard declined, as the stream told it.
struct Declined {
    asked: Frame,
    row: Frame,
    invoked: Frame,
    resolved: Frame,
    answer: String,
}

/// A turn wants to delete a folder, and the guard declines: told in full.
pub(super) async fn declines(stage: &Stage, version: &str, words: &str) -> Result<(), Fault> {
    let declined = decline(stage, version, words).await?;
    event(&declined.asked, word(&declined.asked.payload()["summary"]));
    event(&declined.row, word(&declined.row.payload()["entry"]["content"]));
    event(&declined.invoked, format!("applied, in one group: {}", GRANTED.join(" + ")));
    event(&declined.resolved, format!("decline, by {}", word(&declined.resolved.payload()["actor"])));
    seen(format!("the model saw the refusal: {}", declined.answer));
    seen("dear/letter.txt is still there, and GET /api/sessions/… has the guard's row");
    Ok(())
}

/// The same again, checked in full and told in brief.
pub(super) async fn still_declines(stage: &Stage, version: &str, words: &str) -> Result<(), Fault> {
    let declined = decline(stage, version, words).await?;
    event(&declined.row, word(&declined.row.payload()["entry"]["content"]));
    event(&declined.invoked, format!("applied, by version {version}"));
    Ok(())
}

/// A turn wants to delete a folder; the guard of this `version` declines, in these `words`, and nobody else does.
async fn decline(stage: &Stage, version: &str, words: &str) -> Result<Declined, Fault> {
    let (api, events) = stage.live()?;
    let dear = something_dear(stage)?;
    let session = api.session(&asking(&stage.folders().work())).await?;
    let mark = events.mark();
    let turn = api.say(&session, "::exec rm -rf dear").await?;
    let asked = events.asked(mark, &session).await?;
    let approval = text(&asked.payload()["approvalId"], "the approval's id")?;
    let told = |kind: &'static str| {
        let session = session.clone();
        move |frame: &Frame| frame.kind() == kind && frame.session() == session
    };
    // The request has a row of its own in the transcript, before the guard's.
    let rows = told("transcript_updated");
    let of_guard = move |frame: &Frame| rows(frame) && frame.payload()["entry"]["type"] == "guard.declined";
    let row = events.find(mark, "the guard's row", of_guard).await?;
    let entry = &row.payload()["entry"];
    ensure(word(&entry["content"]).starts_with(words), || format!("the row says {}", entry["content"]))?;
    let invoked = events.find(mark, "the guard's group", told("extension_invoked")).await?;
    one_group(invoked.payload(), version)?;
    let resolved = events.resolved(mark, &approval).await?;
    let who = (&resolved.payload()["decision"], &resolved.payload()["actor"]);
    ensure(who == (&json!("decline"), &json!(format!("extension:{GUARD}"))), || {
        format!("the approval was decided: {} by {}", who.0, who.1)
    })?;
    let answer = events.answer(mark, &turn).await?;
    let output = stage.model().requests().last().map(last_output).unwrap_or_default();
    ensure(output.contains("rejected"), || format!("the model was told {output:?}"))?;
    ensure(dear.exists(), || "the folder was deleted although the guard declined".to_owned())?;
    in_transcript(&api, &session, entry).await?;
    Ok(Declined { asked, row, invoked, resolved, answer })
}

/// Something that should not be lost.
fn something_dear(stage: &Stage) -> Result<PathBuf, Fault> {
    let folder = stage.folders().work().join("dear");
    let letter = folder.join("letter.txt");
    let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&letter, "dear reader"));
    written.map_err(|error| Fault::because("the work folder cannot be written", error.into()))?;
    Ok(letter)
}

/// A harmless command: the guard leaves it to whoever else decides.
pub(super) async fn abstains(stage: &Stage) -> Result<(), Fault> {
    let (api, events) = stage.live()?;
    let work = stage.folders().work();
    let session = api.session(&asking(&work)).await?;
    let mark = events.mark();
    let asked = ask(&api, &events, &session, "touch harmless.txt").await?;
    let abstained = until("the guard's abstention", async || {
        let path = format!("/api/agents/extensions/{GUARD}/invocations?limit=1");
        let mut kept = api.get(&path).await?.expect(200)?;
        let last = kept["data"][0].take();
        Ok((last["sessionId"] == session.as_str()).then_some(last))
    });
    let abstained = abstained.await?;
    ensure(abstained["outcome"] == "abstained", || format!("the guard's call ended {}", abstained["outcome"]))?;
    seen(format!("the guard abstained, after {} µs", abstained["wallUs"]));
    decide(&api, &events, &asked, "accept").await?;
    events.turn_end(mark, &asked.turn).await?;
    ensure(work.join("harmless.txt").exists(), || "the command was accepted and left no file".to_owned())?;
    seen("accepted by a person, it ran: harmless.txt is there");
    Ok(())
}

/// The decline and the row are one group's, and were done together.
fn one_group(payload: &Value, version: &str) -> Result<(), Fault> {
    ensure(payload["outcome"] == "applied" && payload["version"] == version, || {
        format!("the guard's group is {} by version {}", payload["outcome"], payload["version"])
    })?;
    ensure(payload["actions"] == json!(GRANTED), || format!("its group is {}", payload["actions"]))
}

async fn in_transcript(api: &Api, session: &str, entry: &Value) -> Result<(), Fault> {
    let whole = api.get(&format!("/api/sessions/{session}")).await?.expect(200)?;
    let rows = whole["transcript"].as_array().into_iter().flatten();
    let found = rows.filter(|row| row["messageId"] == entry["messageId"]).count();
    ensure(found == 1, || format!("GET /api/sessions/{session} has {found} of the guard's row"))
}
