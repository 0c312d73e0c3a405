//! Who comes to a session at all, in the order that clients rely on: a deleted one is gone, one of a worker is not for
//! people, and then one that is not there is not there. Only after that anybody looks at what was asked.

use codex_manager_model::{Session, SessionId, Tombstone};
use codex_manager_store::View;

use super::Sessions;
use crate::service::{Error, code};

/// What is said of a session that was deleted.
pub(crate) const DELETED_MESSAGE: &str = "This chat was permanently deleted and is no longer available.";

impl Sessions {
    /// The session, for somebody who will use it.
    ///
    /// # Errors
    /// `session_deleted`, `system_session`, `session_not_found`.
    pub(crate) async fn usable(&self, id: &SessionId) -> Result<Session, Error> {
        let id = id.clone();
        self.store.read(move |view| usable_in(view, &id)).await
    }

    /// The session, for somebody who will only look at it.
    ///
    /// # Errors
    /// `session_deleted`, `session_not_found`.
    pub(crate) async fn readable(&self, id: &SessionId) -> Result<Session, Error> {
        let id = id.clone();
        self.store.read(move |view| readable_in(view, &id)).await
    }
}

/// The session, for somebody who uses it in this transaction.
///
/// # Errors
/// `session_deleted`, `system_session`, `session_not_found`.
pub(crate) fn usable_in(view: &View<'_>, id: &SessionId) -> Result<Session, Error> {
    let session = readable_in(view, id)?;
    if session.worker.is_none() { Ok(session) } else { Err(of_worker(id)) }
}

/// The session, for somebody who looks at it in this transaction.
///
/// # Errors
/// `session_deleted`, `session_not_found`.
pub(crate) fn readable_in(view: &View<'_>, id: &SessionId) -> Result<Session, Error> {
    not_deleted_in(view, id)?;
    view.session(id)?.ok_or_else(|| Error::not_found(code::SESSION_NOT_FOUND, "sessionId", id.as_str()))
}

/// That the session was not deleted, whether or not it ever was.
///
/// # Errors
/// `session_deleted`.
pub(crate) fn not_deleted_in(view: &View<'_>, id: &SessionId) -> Result<(), Error> {
    view.tombstone(id)?.map_or(Ok(()), |tombstone| Err(deleted(&tombstone)))
}

fn deleted(tombstone: &Tombstone) -> Error {
    let error = Error::new(code::SESSION_DELETED, DELETED_MESSAGE)
        .status("deleted")
        .with("sessionId", tombstone.session.as_str())
        .with("deletedAt", tombstone.deleted_at.to_string());
    match &tombstone.title {
        Some(title) => error.with("title", title.as_str()),
        None => error,
    }
}

fn of_worker(id: &SessionId) -> Error {
    Error::new(code::SYSTEM_SESSION, format!("session {id} belongs to a worker of the queue and cannot be used"))
        .with("sessionId", id.as_str())
}
