//! Committing one change: the state and the row that tells of it, in the same transaction.

use codex_manager_model::{
    InteractionState, Item, ItemStatus, NewEvent, OperationState, SessionId, Turn, TurnId, TurnStatus,
};
use codex_manager_store::{Error, ExpireScope, Tx};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::asked::{asked, refused};
use super::change::{Card, Change, Told};
use super::items::item_of;
use super::{child, gone, signal, synthesized, threads};
use crate::deletion::Erased;
use crate::ending::expire;
use crate::thread;

/// What a change has come to, beyond rows.
#[derive(Default)]
pub(super) struct Applied {
    /// The session that it spoke of.
    pub card: Option<Card>,
    /// The sessions that it was the end of.
    pub erased: Vec<Erased>,
    /// The thread that it spoke of, where nobody here knows it.
    pub unknown: Option<SessionId>,
}

/// Applies `change`: its own row comes first, and what it caused right after it.
pub(super) fn apply(tx: &Tx<'_>, change: &Change) -> Result<Applied, Error> {
    if gone::is_late(tx, change)? {
        return Ok(Applied::default());
    }
    match change {
        Change::Told(told) => {
            let erased = gone::deleted(tx, told)?;
            if !erased.is_empty() {
                return Ok(Applied { erased, ..Applied::default() });
            }
            return Ok(Applied { card: notified(tx, told)?, erased, unknown: threads::unknown(tx, told)? });
        }
        Change::Asked(told, interaction) => asked(tx, told, interaction)?,
        Change::Refused(told) => refused(tx, told)?,
        Change::Flushed { item, chars, at } => flush(tx, item, *chars, *at)?,
        Change::ChildReady { generation, pid, at } => child::ready(tx, generation, *pid, *at)?,
        Change::ChildGone { generation, exit } => child::gone(tx, generation, exit)?,
        Change::ChildRests { phase, last_exit, at } => child::rests(tx, phase, last_exit.as_ref(), *at)?,
    }
    Ok(Applied::default())
}

/// A notification: its row first, so that what it causes comes after it.
fn notified(tx: &Tx<'_>, told: &Told) -> Result<Option<Card>, Error> {
    let before = card(tx, told)?;
    row(tx, told, before.as_ref(), None)?;
    match told.method.as_str() {
        "thread/started" => threads::started(tx, told)?,
        "thread/name/updated" => threads::named(tx, told)?,
        "thread/archived" => threads::moved(tx, told, true)?,
        "thread/unarchived" => threads::moved(tx, told, false)?,
        "turn/started" => turn_started(tx, told)?,
        "turn/completed" => turn_completed(tx, told)?,
        "item/started" | "item/completed" => item_told(tx, told)?,
        "serverRequest/resolved" => request_resolved(tx, told)?,
        "thread/closed" => thread_ended(tx, told)?,
        _ => {}
    }
    Ok(before)
}

/// Writes what an item has said so far, as state and as a row. `chars` is where its next delta begins.
fn flush(tx: &Tx<'_>, item: &Item, chars: usize, at: Timestamp) -> Result<(), Error> {
    tx.put_item(item)?;
    let payload = json!({
        "threadId": item.session,
        "turnId": item.turn,
        "itemId": item.id,
        "itemType": item.kind,
        "text": item.text,
        "offset": chars,
    });
    let event = NewEvent::new("item_text", Some(item.session.clone()), payload, at);
    tx.append_event(event.of_turn(Some(item.turn.clone()))).map(drop)
}

pub(super) fn row(tx: &Tx<'_>, told: &Told, card: Option<&Card>, house: Option<Value>) -> Result<(), Error> {
    let (kind, payload) = signal::event(told, card, house);
    let event = NewEvent::new(kind, told.session.clone(), payload, told.at);
    tx.append_event(event.of_turn(told.turn.clone())).map(drop)
}

pub(super) fn card(tx: &Tx<'_>, told: &Told) -> Result<Option<Card>, Error> {
    let Some(session) = &told.session else { return Ok(None) };
    if let Some(session) = tx.session(session)? {
        return Ok(Some(signal::card(&session)));
    }
    let of_worker = starts_worker(tx, told)?;
    Ok(of_worker.then(|| Card { session: session.clone(), shown: Value::Null, of_worker }))
}

/// Whether it speaks of a thread that we are just starting for a worker. That one is a session once the child's answer is
/// committed, and what it says before that is not for everybody either.
fn starts_worker(tx: &Tx<'_>, told: &Told) -> Result<bool, Error> {
    match told.params.pointer("/thread/threadSource") {
        Some(source) => Ok(source == thread::OF_WORKER),
        None => {
            let starting = tx.operations_in(OperationState::Sending)?;
            Ok(starting.iter().any(|call| call.method == "thread/start" && call.body["worker"].is_object()))
        }
    }
}

fn turn_started(tx: &Tx<'_>, told: &Told) -> Result<(), Error> {
    let (Some(session), Some(turn)) = (&told.session, &told.turn) else { return Ok(()) };
    if tx.turn(session, turn)?.is_none() {
        tx.put_turn(&Turn {
            id: turn.clone(),
            session: session.clone(),
            generation: told.generation.clone(),
            status: TurnStatus::InProgress,
            started_at: told.at,
            completed_at: None,
        })?;
    }
    change_session(tx, Some(session), |session| {
        session.materialized = true;
        session.updated_at = told.at;
    })
}

/// A turn is over. A review begins under one id and ends under another: as a thread is in one turn at a time, the end of
/// one that nobody heard of is also that of the one that is open.
fn turn_completed(tx: &Tx<'_>, told: &Told) -> Result<(), Error> {
    let (Some(session), Some(turn)) = (&told.session, &told.turn) else { return Ok(()) };
    if tx.turn(session, turn)?.is_none() {
        if let Some(open) = tx.open_turn_of(session)?.filter(|open| open.generation == told.generation) {
            end_turn(tx, told, &open.id)?;
        }
        turn_started(tx, told)?;
    }
    let ended = end_turn(tx, told, turn)?;
    change_session(tx, Some(session), |session| session.updated_at = told.at)?;
    if ended { synthesized::turn_completed(tx, session, turn, told.at) } else { Ok(()) }
}

/// Ends one turn and closes what it left open: items that will get no end of their own, and questions that nobody can
/// answer now. Whether it was open.
fn end_turn(tx: &Tx<'_>, told: &Told, turn: &TurnId) -> Result<bool, Error> {
    let Some(session) = &told.session else { return Ok(false) };
    let (status, items) = match told.params["turn"]["status"].as_str() {
        Some("failed") => (TurnStatus::Failed, ItemStatus::Error),
        Some("interrupted") => (TurnStatus::Interrupted, ItemStatus::Canceled),
        _ => (TurnStatus::Completed, ItemStatus::Complete),
    };
    let ended = tx.finish_turn(session, turn, status, told.at)?;
    tx.close_open_items(session, turn, items, told.at)?;
    expire(tx, ExpireScope::Turn(session, turn), told.at)?;
    Ok(ended)
}

fn item_told(tx: &Tx<'_>, told: &Told) -> Result<(), Error> {
    let Some(item) = item_of(told) else { return Ok(()) };
    tx.put_item(&item)?;
    if item.kind != "userMessage" {
        return Ok(());
    }
    let preview = item.body["content"][0]["text"].as_str().unwrap_or_default();
    let preview: String = preview.chars().take(PREVIEW_CHARS_MAX).collect();
    change_session(tx, Some(&item.session), |session| {
        if session.preview.is_empty() {
            session.preview = preview;
        }
    })
}

/// How much of a session's first message stands for it in lists.
const PREVIEW_CHARS_MAX: usize = 200;

/// The child has done with a request: ours performed, or settled without us.
fn request_resolved(tx: &Tx<'_>, told: &Told) -> Result<(), Error> {
    let asked = tx.interaction_by_request(&told.generation, &told.params["requestId"])?;
    let Some(asked) = asked else { return Ok(()) };
    match asked.state {
        InteractionState::Decided => tx.perform_interaction(&asked.id).map(drop),
        InteractionState::Pending => expire(tx, ExpireScope::One(&asked.id), told.at),
        InteractionState::Performed | InteractionState::Expired => Ok(()),
    }
}

/// The child has forgotten the thread, and what it asked there.
fn thread_ended(tx: &Tx<'_>, told: &Told) -> Result<(), Error> {
    match &told.session {
        Some(session) => expire(tx, ExpireScope::Session(session), told.at),
        None => Ok(()),
    }
}

fn change_session(
    tx: &Tx<'_>,
    id: Option<&SessionId>,
    change: impl FnOnce(&mut codex_manager_model::Session),
) -> Result<(), Error> {
    let Some(mut session) = id.map(|id| tx.session(id)).transpose()?.flatten() else { return Ok(()) };
    let before = session.clone();
    change(&mut session);
    if session == before { Ok(()) } else { tx.put_session(&session) }
}

#[cfg(test)]
mod tests {
    use codex_manager_model::{Generation, Seq, limits};
    use codex_manager_store::Config;
    use jiff::Timestamp;

    use super::super::left_out::LeftOut;
    use super::*;

    #[tokio::test]
    async fn a_row_is_told_without_what_is_too_large_and_state_is_made_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Config { folder: folder.path().to_owned(), size_bytes_max: None }.open().unwrap();
        let output = "x".repeat(limits::EVENT_PAYLOAD_BYTES_MAX);
        let item = json!({ "id": "i", "type": "commandExecution", "status": "failed", "aggregatedOutput": output });
        let params = json!({ "threadId": "s", "turnId": "t", "item": item });
        let told = Told {
            generation: Generation::new("gen_1"),
            method: "item/completed".into(),
            left_out: LeftOut::of(&params),
            params,
            request_id: None,
            session: Some(SessionId::new("s")),
            turn: Some(TurnId::new("t")),
            at: Timestamp::UNIX_EPOCH,
        };
        let applied: Result<_, Error> = store
            .write(move |tx| {
                apply(tx, &Change::Told(told.clone()))?;
                Ok((tx.items_of(&SessionId::new("s"))?, tx.events(Seq(0), 9)?))
            })
            .await;
        let (items, events) = applied.unwrap();
        assert_eq!((items[0].status, items[0].text.len()), (ItemStatus::Error, limits::ITEM_TEXT_BYTES_MAX));
        let signal = &events[0].payload.as_ref().unwrap()["signal"];
        assert_eq!((&signal["params"], &signal["paramsLeftOut"]["reason"]), (&Value::Null, &json!("too_large")));
    }
}
