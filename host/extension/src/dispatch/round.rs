//! One event under way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::contest::Contest;
use super::{Occurrence, Rank};
use crate::{Claim, ExtensionId, Grants};

/// An event, with those who were told of it and are not done with it.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) occurrence: Arc<Occurrence>,
    /// What the event asks, if it asks something that is still open.
    pub(super) asks: Option<Claim>,
    pub(super) contest: Contest,
    /// The seats that the host has not yet recorded.
    pub(super) open: BTreeSet<Rank>,
    /// With what each handler was called.
    pub(super) grants: BTreeMap<Rank, Arc<Grants>>,
    /// How often what a handler had read was changed when it came to write.
    pub(super) conflicts: BTreeMap<Rank, u32>,
}

impl Round {
    pub(super) fn new(
        occurrence: Arc<Occurrence>,
        asks: Option<Claim>,
        contest: Contest,
        open: BTreeSet<Rank>,
    ) -> Self {
        Self { occurrence, asks, contest, open, grants: BTreeMap::new(), conflicts: BTreeMap::new() }
    }

    /// Whether a handler of this extension is not done with it.
    pub(super) fn is_open_for(&self, extension: &ExtensionId) -> bool {
        self.open.iter().any(|rank| rank.extension == *extension)
    }

    /// How much its payload takes.
    pub(super) fn bytes(&self) -> usize {
        self.occurrence.event.payload.len()
    }

    /// Counts a conflict; how many there have been.
    pub(super) fn count_conflict(&mut self, rank: &Rank) -> u32 {
        let conflicts = self.conflicts.entry(rank.clone()).or_default();
        *conflicts += 1;
        *conflicts
    }

    /// The session in whose order it stands.
    pub(super) fn session(&self) -> Option<&str> {
        self.occurrence.event.header.session.as_deref()
    }
}
