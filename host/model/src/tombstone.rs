//! What is left of a session that was deleted.

use jiff::Timestamp;

use crate::SessionId;

/// That a session was deleted for good. It outlives everything else of the session, so that nothing brings it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// The session that was.
    pub session: SessionId,
    /// What people called it.
    pub title: Option<String>,
    /// When it was deleted.
    pub deleted_at: Timestamp,
    /// When the child had forgotten its thread too.
    pub finished_at: Option<Timestamp>,
    /// When the child last said that it will not delete the thread yet, for another was forked from it.
    pub refused_at: Option<Timestamp>,
}
