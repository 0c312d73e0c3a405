//! What was approved and cannot be called on this host, for those who look at the list.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use codex_manager_extension::{Digest, Listed, Standing};

/// Why an approved version cannot be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfit {
    /// What is wrong, in a sentence.
    pub(crate) fault: String,
    /// What to do about it.
    pub(crate) next_step: &'static str,
}

/// All of them that were tried, by their digests.
#[derive(Default)]
pub(super) struct Unfits(Mutex<BTreeMap<Digest, Unfit>>);

impl Unfits {
    /// Notes why a version cannot be called, or that it can.
    pub(super) fn note(&self, digest: Digest, unfit: Option<Unfit>) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match unfit {
            Some(unfit) => noted.insert(digest, unfit),
            None => noted.remove(&digest),
        };
    }

    /// Says so of one that is enabled. What is wrong with what was dropped, and what waits for a yes, goes before:
    /// approving the one mends the other.
    pub(super) fn tell(&self, listed: &mut Listed) {
        let enabled = listed.approved.as_ref().filter(|approved| approved.standing == Standing::Enabled);
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Unfit { fault, next_step }) = enabled.and_then(|approved| noted.get(&approved.digest)) else { return };
        if listed.fault.is_none() {
            listed.fault = Some(format!("approved, and cannot run here: {fault}"));
            if listed.waiting.is_none() {
                listed.next_step = Some((*next_step).to_owned());
            }
        }
    }
}
