//! How often calls of extensions came to what, since the start.

use std::sync::{Arc, Mutex, PoisonError};

use codex_manager_model::InvocationOutcome;

/// The count. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally(Arc<Mutex<Vec<(InvocationOutcome, u64)>>>);

impl Tally {
    /// One more call came to this.
    pub(super) fn count(&self, outcome: InvocationOutcome) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, count)) => *count += 1,
            None => counts.push((outcome, 1)),
        }
    }

    /// What any call came to, and how many did.
    pub(crate) fn counts(&self) -> Vec<(InvocationOutcome, u64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
