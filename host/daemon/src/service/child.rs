//! What the child knows: questions that change nothing, so that they may be asked again and nothing need be recorded.
//!
//! Whatever acts goes through the [outbox](crate::outbox) instead.

use codex_manager_app_server::{AppServer, CallError, ChildState};
use codex_manager_model::{Clock, limits};
use serde_json::Value;

use super::{Error, code, require_ready};
use crate::outbox::refused;

/// The child, as far as it is asked. Clones ask the same one.
#[derive(Clone)]
pub(crate) struct Child {
    app_server: AppServer,
    clock: Clock,
}

impl Child {
    pub(crate) fn new(app_server: AppServer, clock: Clock) -> Self {
        Self { app_server, clock }
    }

    /// Asks, and waits for no longer than a client waits for anything.
    ///
    /// # Errors
    /// Unavailable, with the time after which to try again, while the child is not ready; the child's refusal, in
    /// meanings; `codex_timeout` when it does not answer.
    pub(crate) async fn ask(&self, method: &str, params: Value) -> Result<Value, Error> {
        require_ready(&self.app_server, &self.clock)?;
        self.app_server.call_within(method, params, limits::OPERATION_WAIT_MAX).await.map_err(unanswered)
    }

    /// That the child takes calls now.
    ///
    /// # Errors
    /// Unavailable, with the time after which to try again.
    pub(crate) fn require_ready(&self) -> Result<(), Error> {
        require_ready(&self.app_server, &self.clock)
    }

    /// What is known of the child at this moment.
    pub(crate) fn state(&self) -> ChildState {
        self.app_server.state().borrow().clone()
    }
}

/// A member of what Codex answered, taken out of it; null where there is none. Codex may answer what is no object at all,
/// and to name a member of that would panic.
pub(crate) fn taken(answer: &mut Value, member: &str) -> Value {
    answer.get_mut(member).map(Value::take).unwrap_or_default()
}

/// Why a question has no answer, in meanings.
pub(super) fn unanswered(error: CallError) -> Error {
    match &error {
        CallError::Rejected { code, message, method, .. } => {
            refused(method, *code, message).with("details", serde_json::json!({ "method": method }))
        }
        CallError::TimedOut { .. } => Error::new(code::CODEX_TIMEOUT, error.to_string()),
        CallError::NotRunning { .. } | CallError::NotWritten | CallError::Gone { .. } => {
            Error::new(code::CODEX_RESTARTING, error.to_string()).retry_after(super::RETRY_AFTER)
        }
        CallError::Malformed { .. } => Error::new(code::CODEX_ERROR, error.to_string()),
    }
}
