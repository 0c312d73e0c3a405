//! What answered calls about a session make of it.

use codex_manager_model::{Actor, Controls, NewEvent, Operation, Session, SessionId, TurnId, Worker};
use codex_manager_store::{Error, Tx};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::outbox::operation;
use crate::service::sessions::adopt::move_in;
use crate::service::sessions::overrides::Overrides;
use crate::service::sessions::told;
use crate::thread;

/// A thread that we have started is a session.
pub(super) fn started(tx: &Tx<'_>, call: &Operation, result: &Value, now: Timestamp) -> Result<(), Error> {
    let Some(mut session) = thread::session(&result["thread"], now) else { return Ok(()) };
    session.controls = Controls::deserialize(&call.body["controls"]).unwrap_or_default();
    session.materialized = false;
    session.worker = worker(call);
    tx.put_session(&session)?;
    tx.append_event(told::created(&session, None, now).by(call.actor.clone()).because(call.cause)).map(drop)
}

/// The worker that the thread was started for, if it was.
fn worker(call: &Operation) -> Option<Worker> {
    let text = |member: &str| call.body["worker"][member].as_str().map(str::to_owned);
    Some(Worker { owner: text("owner")?, agent: text("agent")? })
}

/// A fork is a session with the controls, the name and the project of the one it was made from.
pub(super) fn forked(tx: &Tx<'_>, call: &Operation, result: &Value, now: Timestamp) -> Result<(), Error> {
    let Some(mut session) = thread::session(&result["thread"], now) else { return Ok(()) };
    if let Some(source) = call.session.as_ref().map(|id| tx.session(id)).transpose()?.flatten() {
        session.controls = source.controls;
        session.project = source.project;
        session.title = source.title.or(session.title);
        session.materialized = source.materialized;
    }
    tx.put_session(&session)?;
    let event = told::created(&session, call.session.clone(), now);
    tx.append_event(event.by(call.actor.clone()).because(call.cause)).map(drop)
}

/// A first accepted turn makes a session real; what its message said of the controls stays with the session.
pub(super) fn turn_accepted(tx: &Tx<'_>, call: &Operation, id: &SessionId, now: Timestamp) -> Result<(), Error> {
    let Some(mut session) = tx.session(id)? else { return Ok(()) };
    let before = session.controls.clone();
    session.materialized = true;
    session.updated_at = now;
    Overrides::deserialize(&call.body["overrides"]).unwrap_or_default().over(&mut session.controls);
    tx.put_session(&session)?;
    if session.controls == before {
        return Ok(());
    }
    let payload = json!({ "sessionId": id, "scope": "session", "controls": session.controls });
    let event = NewEvent::new("session_controls_updated", Some(id.clone()), payload, now);
    tx.append_event(event.by(call.actor.clone()).because(call.cause)).map(drop)
}

/// Put away, or back. One that is back is called by the name that it has now: Codex may not have been told of it.
pub(super) fn moved(tx: &Tx<'_>, call: &Operation, archived: bool, now: Timestamp) -> Result<(), Error> {
    let Some(id) = &call.session else { return Ok(()) };
    move_in(tx, id, archived, Some(call.actor.clone()), now)?;
    match tx.session(id)? {
        Some(Session { title: Some(title), .. }) if !archived => tx.record_operation(&naming(id, &title, now)),
        _ => Ok(()),
    }
}

/// The turns that were taken back are gone from our own record too; the log keeps what it told of them.
pub(super) fn reverted(tx: &Tx<'_>, call: &Operation, now: Timestamp) -> Result<(), Error> {
    let Some(id) = &call.session else { return Ok(()) };
    let turns = Vec::<TurnId>::deserialize(&call.body["reverted"]).unwrap_or_default();
    for turn in &turns {
        tx.forget_turn(id, turn)?;
    }
    let event = told::rolled_back(id, turns, now);
    tx.append_event(event.by(call.actor.clone()).because(call.cause)).map(drop)
}

fn naming(id: &SessionId, title: &str, now: Timestamp) -> Operation {
    let body = json!({ "params": { "threadId": id, "name": title } });
    operation("thread/name/set", Some(id.clone()), body, Actor::Host, now)
}
