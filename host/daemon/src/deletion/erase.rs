//! Erasing a session, in the transaction of whoever decided that.

use codex_manager_model::{Actor, NewEvent, Operation, Session, SessionId, Tombstone, Worker};
use codex_manager_store::{Error, ExpireScope, Tx};
use jiff::Timestamp;
use serde_json::json;

use crate::ending::expire;
use crate::outbox::abandon;
use crate::service::code;
use crate::service::sessions::admit::DELETED_MESSAGE;

/// A session that was erased, and what is to be told once that is committed.
#[derive(Debug)]
pub(crate) struct Erased {
    pub(crate) session: SessionId,
    /// What waited to be done in it, and never will be.
    pub(crate) abandoned: Vec<Operation>,
}

/// Erases a session: what it held everywhere, what it waited for, and its own row, in the place of which there is a
/// tombstone. Told as `session_deleted`.
///
/// The tombstone keeps the name that somebody gave the session, and not the beginning of its first message.
///
/// # Errors
/// When the store fails.
pub(crate) fn erase_in(tx: &Tx<'_>, session: &Session, actor: Actor, now: Timestamp) -> Result<Erased, Error> {
    let tombstone = Tombstone {
        session: session.id.clone(),
        title: session.title.clone(),
        deleted_at: now,
        finished_at: None,
        refused_at: None,
    };
    tx.erase_session(&session.id)?;
    // From here on what is told of it holds none of its words.
    let abandoned = abandon(tx, &session.id, now)?;
    expire(tx, ExpireScope::Session(&session.id), now)?;
    let event = NewEvent::new("session_deleted", Some(session.id.clone()), payload(&tombstone), now);
    tx.append_event(event.by(actor))?;
    // Last, for the log asks whose session it is.
    tx.put_tombstone(&tombstone)?;
    Ok(Erased { session: tombstone.session, abandoned })
}

/// Erases a session of a person with those of the workers that work for it alone; its own comes first.
///
/// # Errors
/// When the store fails.
pub(crate) fn erase_with_workers_in(
    tx: &Tx<'_>,
    session: &Session,
    actor: &Actor,
    now: Timestamp,
) -> Result<Vec<Erased>, Error> {
    let workers = tx.sessions_of_workers(&Worker::owner_for(&session.id))?;
    let all = std::iter::once(session).chain(&workers);
    all.map(|session| erase_in(tx, session, actor.clone(), now)).collect()
}

/// What clients are told with 410 from now on.
fn payload(tombstone: &Tombstone) -> serde_json::Value {
    let mut payload = json!({
        "status": "deleted",
        "code": code::SESSION_DELETED.word,
        "sessionId": tombstone.session,
        "message": DELETED_MESSAGE,
        "deletedAt": tombstone.deleted_at.to_string(),
    });
    if let Some(title) = &tombstone.title {
        payload["title"] = json!(title);
    }
    payload
}
