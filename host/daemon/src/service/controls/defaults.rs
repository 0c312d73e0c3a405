//! The controls that new sessions have unless their creator says otherwise.

use codex_manager_model::Controls;
use codex_manager_store::{Error as StoreError, View};

use super::Scope;
use crate::service::{Error, code};

/// Why the defaults cannot be changed, in words that clients show.
const LOCKED: &str = "Managed by harness configuration";

/// Where the default controls come from: what somebody has stored, else the configuration.
#[derive(Debug, Clone)]
pub(crate) struct DefaultControls {
    pub(crate) configured: Controls,
    /// Whoever runs the daemon keeps them as they are.
    pub(crate) locked: bool,
}

/// The default controls at this moment: what somebody has stored, else those that were configured.
///
/// # Errors
/// When the store fails.
pub(in crate::service) fn default_in(view: &View<'_>, configured: &Controls) -> Result<Controls, StoreError> {
    Ok(view.default_controls()?.unwrap_or_else(|| configured.clone()))
}

impl DefaultControls {
    /// The default controls at this moment.
    pub(crate) fn present_in(&self, view: &View<'_>) -> Result<Controls, StoreError> {
        default_in(view, &self.configured)
    }

    /// Why they cannot be changed here; `None` when they can.
    pub(super) fn lock_reason(&self) -> Option<&'static str> {
        self.locked.then_some(LOCKED)
    }
}

/// That the defaults cannot be changed here. What they are is added by whoever was asked to change them.
pub(in crate::service) fn locked(scope: Scope) -> Error {
    let scope = serde_json::json!(scope);
    Error::new(code::DEFAULTS_LOCKED, LOCKED).status("locked").with("scope", scope)
}
