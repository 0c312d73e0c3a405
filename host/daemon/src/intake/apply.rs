//! Committing one change: the state and the row that tells of it, in the same transaction.

use codex_manager_model::{
    Actor, Approval, ApprovalState, Item, ItemStatus, NewEvent, Operation, OperationId, OperationKind, OperationState,
    SessionId, Turn, TurnStatus,
};
use codex_manager_store::{Error, ExpireScope, Tx};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::change::{Card, Change, Told};
use super::changes::with_changes;
use super::items::item_of;
use super::left_out::LeftOut;
use super::{child, request, signal};
use crate::ending::expire;
use crate::thread;

/// JSON-RPC's word for a method that this side does not have.
const METHOD_NOT_FOUND: i64 = -32601;
/// JSON-RPC's word for params that are not taken.
const INVALID_PARAMS: i64 = -32602;

/// Applies `change`: its own row comes first, and what it caused right after it. Answers the session it spoke of.
pub(super) fn apply(tx: &Tx<'_>, change: &Change) -> Result<Option<Card>, Error> {
    match change {
        Change::Told(told) => return notified(tx, told),
        Change::Asked(told, approval) => asked(tx, told, approval)?,
        Change::Refused(told) => refused(tx, told)?,
        Change::Flushed { item, chars, at } => flush(tx, item, *chars, *at)?,
        Change::ChildReady { generation, at } => child::ready(tx, generation, *at)?,
        Change::ChildGone { generation, exit } => child::gone(tx, generation, exit)?,
    }
    Ok(None)
}

/// A notification: its row first, so that what it causes comes after it.
fn notified(tx: &Tx<'_>, told: &Told) -> Result<Option<Card>, Error> {
    let before = card(tx, told)?;
    row(tx, told, before.as_ref(), None)?;
    match told.method.as_str() {
        "thread/started" => thread_started(tx, told)?,
        "thread/name/updated" => thread_named(tx, told)?,
        "thread/archived" => archived(tx, told, true)?,
        "thread/unarchived" => archived(tx, told, false)?,
        "turn/started" => turn_started(tx, told)?,
        "turn/completed" => turn_completed(tx, told)?,
        "item/started" | "item/completed" => item_told(tx, told)?,
        "serverRequest/resolved" => request_resolved(tx, told)?,
        _ => {}
    }
    Ok(told.session.clone().zip(before))
}

fn asked(tx: &Tx<'_>, told: &Told, approval: &Approval) -> Result<(), Error> {
    // A child that reuses the id of a request that still waits asks the same thing twice.
    let known = tx.approval_by_request(&told.generation, &approval.request_id)?;
    let house = if known.is_some_and(|known| known.state == ApprovalState::Pending) {
        None
    } else {
        let approval = with_changes(tx, approval)?;
        tx.put_approval(&approval)?;
        Some(json!({ "type": "approval", "payload": request::pending(&approval) }))
    };
    row(tx, told, card(tx, told)?.as_ref(), house)
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

/// Fail-closed: what nobody here understands, or can be shown, is refused to the child, and shown.
fn refused(tx: &Tx<'_>, told: &Told) -> Result<(), Error> {
    let id = told.request_id.clone().unwrap_or_default();
    let (code, message) = match &told.left_out {
        None => (METHOD_NOT_FOUND, format!("client does not support server-initiated method: {}", told.method)),
        Some(LeftOut { reason, bytes }) => (INVALID_PARAMS, format!("params of {bytes} bytes are refused: {reason:?}")),
    };
    tx.record_operation(&Operation {
        id: OperationId::fresh(),
        kind: OperationKind::Reply,
        method: told.method.clone(),
        session: told.session.clone(),
        approval: None,
        generation: Some(told.generation.clone()),
        body: json!({ "id": id, "error": { "code": code, "message": message } }),
        state: OperationState::Recorded,
        outcome: None,
        actor: Actor::Host,
        cause: None,
        created_at: told.at,
        updated_at: told.at,
    })?;
    let request = json!({ "id": signal::request_text(&id), "method": told.method, "params": told.shown() });
    let house = json!({ "type": "server_request", "payload": request });
    row(tx, told, card(tx, told)?.as_ref(), Some(house))
}

fn row(tx: &Tx<'_>, told: &Told, card: Option<&Value>, house: Option<Value>) -> Result<(), Error> {
    let payload = signal::payload(told, card, house);
    let event = NewEvent::new(signal::kind(told), told.session.clone(), payload, told.at);
    tx.append_event(event.of_turn(told.turn.clone())).map(drop)
}

fn card(tx: &Tx<'_>, told: &Told) -> Result<Option<Value>, Error> {
    let Some(session) = &told.session else { return Ok(None) };
    Ok(tx.session(session)?.as_ref().map(signal::card))
}

/// A thread that somebody else started becomes a session of ours; one that we started is known already, or will be.
fn thread_started(tx: &Tx<'_>, told: &Told) -> Result<(), Error> {
    match thread::session(&told.params["thread"], told.at) {
        Some(session) if tx.session(&session.id)?.is_none() => tx.put_session(&session),
        _ => Ok(()),
    }
}

fn thread_named(tx: &Tx<'_>, told: &Told) -> Result<(), Error> {
    let name = told.params["threadName"].as_str().filter(|name| *name != thread::UNNAMED);
    change_session(tx, told.session.as_ref(), |session| {
        if session.title.is_none() {
            session.title = name.map(str::to_owned);
        }
    })
}

fn archived(tx: &Tx<'_>, told: &Told, archived: bool) -> Result<(), Error> {
    change_session(tx, told.session.as_ref(), |session| session.archived = archived)
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

/// Closes what the turn left open: items that will get no end of their own, and questions that nobody can answer now.
fn turn_completed(tx: &Tx<'_>, told: &Told) -> Result<(), Error> {
    let (Some(session), Some(turn)) = (&told.session, &told.turn) else { return Ok(()) };
    let (status, items) = match told.params["turn"]["status"].as_str() {
        Some("failed") => (TurnStatus::Failed, ItemStatus::Error),
        Some("interrupted") => (TurnStatus::Interrupted, ItemStatus::Canceled),
        _ => (TurnStatus::Completed, ItemStatus::Complete),
    };
    if tx.turn(session, turn)?.is_none() {
        turn_started(tx, told)?;
    }
    tx.finish_turn(session, turn, status, told.at)?;
    tx.close_open_items(session, turn, items, told.at)?;
    change_session(tx, Some(session), |session| session.updated_at = told.at)?;
    expire(tx, ExpireScope::Turn(session, turn), told.at)
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
    let Some(approval) = tx.approval_by_request(&told.generation, &told.params["requestId"])? else { return Ok(()) };
    match approval.state {
        ApprovalState::Decided => tx.perform_approval(&approval.id).map(|_| ()),
        ApprovalState::Pending => expire(tx, ExpireScope::One(&approval.id), told.at),
        ApprovalState::Performed | ApprovalState::Expired => Ok(()),
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
    use codex_manager_model::{Generation, Seq, TurnId, limits};
    use codex_manager_store::Config;
    use jiff::Timestamp;

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
