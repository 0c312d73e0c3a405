//! b: a session, a message, and the answer as the stream tells it.

use serde_json::json;

use super::fault::{Fault, ensure};
use super::frame::{dense, joined, whole_rows};
use super::stage::Stage;
use super::tell::{event, note, rows, seen};

const MESSAGE: &str = "Good day. What can you do while nobody is connected to anything?";
/// How many deltas are shown; the others are counted.
const DELTAS_SHOWN: usize = 3;

pub(super) async fn play(stage: &mut Stage) -> Result<(), Fault> {
    let (api, events) = stage.live()?;
    let mark = events.mark();
    let session = api.session(&json!({ "cwd": stage.folders().work() })).await?;
    seen(format!("POST /api/sessions → session {session}"));
    let turn = api.say(&session, MESSAGE).await?;
    seen(format!("POST /api/sessions/…/messages → turn {turn}"));
    let answer = events.answer(mark, &turn).await?;
    let frames: Vec<_> = events.since(mark).into_iter().filter(|frame| frame.session() == session).collect();

    let deltas: Vec<_> = frames.iter().filter(|frame| frame.delta().is_some()).collect();
    ensure(deltas.len() > 1, || format!("the answer came in {} piece(s)", deltas.len()))?;
    ensure(deltas.iter().all(|delta| delta.is_ephemeral()), || "a delta is in the log".to_owned())?;
    let text = joined(&frames)?;
    ensure(text == answer, || format!("the deltas come to {text:?}, and the answer is {answer:?}"))?;
    seen(format!("the answer streamed in {} deltas, which are told and not kept:", deltas.len()));
    for delta in deltas.iter().take(DELTAS_SHOWN) {
        let (offset, piece) = delta.delta().unwrap_or_default();
        event(delta, format!("offset {offset}: {piece:?}"));
    }
    note(format!("… {} more, which join to: {answer}", deltas.len().saturating_sub(DELTAS_SHOWN)));

    dense(&whole_rows(events.since(0)), 0)?;
    seen("and in the log, one row for each thing that happened, none left out:");
    rows(&frames);
    Ok(())
}
