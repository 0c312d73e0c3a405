//! What the child tells of threads as a whole: started, named, put away and back.

use codex_manager_model::SessionId;
use codex_manager_store::{Error, Tx};

use super::change::Told;
use crate::service::sessions::adopt::{adopt, adopt_name, move_in};
use crate::thread;

/// A thread that somebody else started becomes a session of ours; one that we start is told of once we are answered.
pub(super) fn started(tx: &Tx<'_>, told: &Told) -> Result<(), Error> {
    let thread = &told.params["thread"];
    match thread::session(thread, told.at) {
        Some(session) if tx.session(&session.id)?.is_none() => adopt(tx, thread, None, told.at).map(drop),
        _ => Ok(()),
    }
}

/// A name that was given elsewhere.
pub(super) fn named(tx: &Tx<'_>, told: &Told) -> Result<(), Error> {
    match (&told.session, told.params["threadName"].as_str()) {
        (Some(session), Some(name)) => adopt_name(tx, session, name, told.at),
        _ => Ok(()),
    }
}

/// Put away, or back. Where we have asked for it and not been answered yet, it is told as done by whoever has asked.
pub(super) fn moved(tx: &Tx<'_>, told: &Told, archived: bool) -> Result<(), Error> {
    let Some(session) = &told.session else { return Ok(()) };
    let method = if archived { "thread/archive" } else { "thread/unarchive" };
    let actor = tx.call_under_way(&[method], Some(session))?.map(|call| call.actor);
    move_in(tx, session, archived, actor, told.at)
}

/// The thread that it tells of, where that is no session of ours and may be one that we should know.
pub(super) fn unknown(tx: &Tx<'_>, told: &Told) -> Result<Option<SessionId>, Error> {
    let Some(session) = told.session.as_ref().filter(|_| tells_of_a_beginning(&told.method)) else { return Ok(None) };
    let known = tx.session(session)?.is_some() || tx.tombstone(session)?.is_some();
    Ok((!known).then(|| session.clone()))
}

fn tells_of_a_beginning(method: &str) -> bool {
    matches!(method, "thread/started" | "turn/started")
}
