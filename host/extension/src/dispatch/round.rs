//! One event under way.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::contest::Contest;
use super::{Occurrence, Rank};
use crate::{Claim, ExtensionId};

/// An event, with those who were told of it and are not done with it.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) occurrence: Arc<Occurrence>,
    /// What the event asks, if it asks something that is still open.
    pub(super) asks: Option<Claim>,
    pub(super) contest: Contest,
    /// The seats that the host has not yet recorded.
    pub(super) open: BTreeMap<Rank, Way>,
    /// How often what a handler had read was changed when it came to write.
    conflicts: BTreeMap<Rank, u32>,
    /// How often the host could not call a handler.
    unavailable: BTreeMap<Rank, u32>,
}

/// When a handler gets its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// After what came before in its session.
    InOrder,
    /// Past all that: somebody waits for it.
    Past,
}

impl Round {
    pub(super) fn new(occurrence: Occurrence, asks: Option<Claim>, contest: Contest) -> Self {
        let (conflicts, unavailable) = (BTreeMap::new(), BTreeMap::new());
        Self { occurrence: Arc::new(occurrence), asks, contest, open: BTreeMap::new(), conflicts, unavailable }
    }

    /// Whether a handler of this extension is not done with it.
    pub(super) fn is_open_for(&self, extension: &ExtensionId) -> bool {
        self.open.keys().any(|rank| rank.extension == *extension)
    }

    /// How much its payload takes.
    pub(super) fn bytes(&self) -> usize {
        self.occurrence.event.payload.len()
    }

    /// Counts a conflict; how many there have been.
    pub(super) fn count_conflict(&mut self, rank: &Rank) -> u32 {
        count(&mut self.conflicts, rank)
    }

    /// Counts that the host could not call it; how often that was.
    pub(super) fn count_unavailable(&mut self, rank: &Rank) -> u32 {
        count(&mut self.unavailable, rank)
    }

    /// The session in whose order it stands.
    pub(super) fn session(&self) -> Option<&str> {
        self.occurrence.event.header.session.as_deref()
    }
}

fn count(counts: &mut BTreeMap<Rank, u32>, rank: &Rank) -> u32 {
    let count = counts.entry(rank.clone()).or_default();
    *count += 1;
    *count
}
