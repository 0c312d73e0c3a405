//! How all that was approved stands, in numbers, for health and metrics.

use std::collections::BTreeMap;

use codex_manager_extension::{Approved, ExtensionId, State};

use super::{Lineup, Shelf};

/// How all that was approved stands.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Overview {
    /// How many have come how far.
    pub(crate) states: BTreeMap<State, usize>,
    /// Of how many a version is called: the approved one, or the one before it.
    pub(crate) running: usize,
    /// Those that may decide what Codex asks, and of which nothing runs, though no person has switched them off. As long
    /// as there are some, what they would decide is accepted by no other extension.
    pub(crate) missing: Vec<ExtensionId>,
}

impl Shelf {
    /// How all that was approved stands. Reads no file.
    pub(crate) fn overview(&self) -> Overview {
        self.overview_of(&self.lineup())
    }

    /// The same, of what was approved at one moment.
    pub(super) fn overview_of(&self, lineup: &Lineup) -> Overview {
        let mut overview = Overview::default();
        for approved in &lineup.approved {
            let state = self.state(approved);
            *overview.states.entry(state).or_default() += 1;
            overview.running += usize::from(self.runs(approved));
            let is_needed = match state {
                State::Disabled => false,
                State::Quarantined => lineup.required.contains(&approved.id),
                _ => lineup.required.contains(&approved.id) || approved.grants.may_decide(&self.0.vocabulary),
            };
            if is_needed && !self.decides(approved) {
                overview.missing.push(approved.id.clone());
            }
        }
        let is_approved = |id: &&ExtensionId| lineup.approved.iter().any(|approved| approved.id == **id);
        overview.missing.extend(lineup.required.iter().filter(|id| !is_approved(id)).cloned());
        overview
    }

    fn runs(&self, approved: &Approved) -> bool {
        approved.serving().is_some_and(|version| self.0.board.runs(&version.digest))
    }

    /// Whether a version of it is called that may decide, or what was approved is called, whatever it may.
    fn decides(&self, approved: &Approved) -> bool {
        approved.serving().is_some_and(|version| {
            let may = version.digest == approved.digest || version.grants.may_decide(&self.0.vocabulary);
            may && self.0.board.runs(&version.digest)
        })
    }
}
