//! What was approved and how it stands, at one moment.

use std::collections::BTreeSet;

use codex_manager_extension::dispatch::{Roster, Serving};
use codex_manager_extension::{Approved, ExtensionId, Standing};

/// Everything that was approved, as it stood after so many changes.
#[derive(Clone)]
pub(crate) struct Lineup {
    /// How often the lock had been changed.
    pub(crate) changes: u64,
    pub(super) approved: Vec<Approved>,
    pub(super) required: BTreeSet<ExtensionId>,
}

impl Lineup {
    /// Everything that is approved and enabled, by id.
    pub(crate) fn running(&self) -> impl Iterator<Item = &Approved> {
        self.approved.iter().filter(|approved| approved.standing == Standing::Enabled)
    }

    /// The ids of the same.
    pub(crate) fn ids(&self) -> BTreeSet<ExtensionId> {
        self.running().map(|approved| approved.id.clone()).collect()
    }

    /// How many failed too often, and wait for a person.
    pub(crate) fn quarantined(&self) -> usize {
        self.approved.iter().filter(|approved| matches!(approved.standing, Standing::Quarantined { .. })).count()
    }

    /// The handlers of those that run, in their order.
    pub(crate) fn roster(&self) -> Roster {
        Roster::of(&self.approved, &self.required, &Serving::all(&self.approved))
    }

    /// The same, if these were not there. If one of them is required, it is missed.
    pub(crate) fn without(&self, ids: &BTreeSet<ExtensionId>) -> Self {
        let mut rest = self.clone();
        rest.approved.retain(|approved| !ids.contains(&approved.id));
        rest
    }
}
