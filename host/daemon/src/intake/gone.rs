//! Sessions that are gone: what the child still says of one that was deleted, and that it has deleted one itself.

use codex_manager_model::Actor;
use codex_manager_store::{Error, Tx};

use super::change::{Change, Told};
use crate::deletion::{Erased, erase_with_workers_in};

/// Whether nothing is to be made of a change, for its session was deleted: it would bring something of it back. What the
/// child asks is answered all the same.
pub(super) fn is_late(tx: &Tx<'_>, change: &Change) -> Result<bool, Error> {
    let session = match change {
        Change::Told(told) => told.session.as_ref(),
        Change::Flushed { item, .. } => Some(&item.session),
        _ => None,
    };
    Ok(session.map(|session| tx.tombstone(session)).transpose()?.flatten().is_some())
}

/// The session of which this tells that somebody else has had the child delete its thread: it goes with it, and so do
/// those of its workers, whose threads the child has yet to delete. Empty when it tells of nothing of the kind.
pub(super) fn deleted(tx: &Tx<'_>, told: &Told) -> Result<Vec<Erased>, Error> {
    if told.method != "thread/deleted" {
        return Ok(Vec::new());
    }
    let session = told.session.as_ref().map(|id| tx.session(id)).transpose()?.flatten();
    let Some(session) = session else { return Ok(Vec::new()) };
    let erased = erase_with_workers_in(tx, &session, &Actor::Host, told.at)?;
    tx.finish_deletion(&session.id, told.at)?;
    Ok(erased)
}
