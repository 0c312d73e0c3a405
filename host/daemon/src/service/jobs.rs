//! Jobs of the queue. This daemon has no queue, and says so to whoever asks for one; everything else works without.

use codex_manager_model::SessionId;

use super::{Error, code};

/// That there is no queue to ask.
pub(crate) fn unavailable() -> Error {
    Error::new(code::JOB_CONFLICT, "orchestrator queue is unavailable")
}

/// The same, told of a session that wanted a job done.
pub(crate) fn unavailable_for(session: &SessionId) -> Error {
    unavailable().with("sessionId", session.as_str())
}
