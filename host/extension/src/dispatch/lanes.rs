//! The order of events for each extension: those of one session one after the other, sessions side by side, and pending
//! interactions past all of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use codex_manager_model::Seq;
use codex_manager_model::limits::EXTENSION_PARALLEL_MAX;

use super::Rank;
use super::round::Way;
use crate::ExtensionId;

/// One handler told of one event.
pub(super) type Seated = (Seq, Rank);

/// The lanes of all extensions.
#[derive(Debug, Default)]
pub(super) struct Lanes(BTreeMap<ExtensionId, Lane>);

/// The lanes of one extension.
#[derive(Debug, Default)]
struct Lane {
    /// By session; the first of each is under way until it is done with.
    sessions: BTreeMap<Option<String>, VecDeque<Seated>>,
    /// Pending interactions: they start at once, whatever else there is.
    urgent: VecDeque<Seated>,
    /// What may start now.
    ready: VecDeque<Seated>,
    /// What may start once nothing else of this extension runs.
    alone: VecDeque<Seated>,
    running: BTreeSet<Seated>,
    /// What runs and asked to be alone.
    lone: Option<Seated>,
    /// What the host is recording: whoever is to be alone must find it written.
    issued: BTreeSet<Seated>,
}

impl Lanes {
    /// Puts an event behind those of its session.
    pub(super) fn queue(&mut self, session: Option<&str>, seated: Seated) {
        let lane = self.lane(&seated);
        let queue = lane.sessions.entry(session.map(str::to_owned)).or_default();
        queue.push_back(seated.clone());
        if queue.len() == 1 {
            lane.ready.push_back(seated);
        }
    }

    /// Lets a pending interaction pass all others.
    pub(super) fn pass(&mut self, seated: Seated) {
        self.lane(&seated).urgent.push_back(seated);
    }

    /// Runs an event again: one that stands in order is first in its session still.
    pub(super) fn again(&mut self, seated: Seated, way: Way) {
        match way {
            Way::InOrder => self.lane(&seated).ready.push_back(seated),
            Way::Past => self.pass(seated),
        }
    }

    /// Runs an event again, with nothing else of its extension beside it but pending interactions.
    pub(super) fn again_alone(&mut self, seated: Seated) {
        self.lane(&seated).alone.push_back(seated);
    }

    /// Takes the next one that may start, of any extension that can be called.
    pub(super) fn start(&mut self, can_be_called: impl Fn(&ExtensionId) -> bool) -> Option<Seated> {
        let mut lanes = self.0.iter_mut().filter(|(extension, lane)| lane.waits() && can_be_called(extension));
        lanes.find_map(|(_, lane)| lane.start())
    }

    /// Its handler has returned.
    pub(super) fn returned(&mut self, seated: &Seated) {
        if let Some(lane) = self.0.get_mut(&seated.1.extension) {
            lane.running.remove(seated);
            lane.lone.take_if(|lone| lone == seated);
        }
    }

    /// What it came to goes to the host.
    pub(super) fn issued(&mut self, seated: Seated) {
        self.lane(&seated).issued.insert(seated);
    }

    /// The host has recorded it, or says that it is to run again.
    pub(super) fn committed(&mut self, seated: &Seated) {
        if let Some(lane) = self.0.get_mut(&seated.1.extension) {
            lane.issued.remove(seated);
        }
    }

    /// It is done with, and the next of its session may start.
    pub(super) fn done(&mut self, session: Option<&str>, seated: &Seated) {
        let Some(lane) = self.0.get_mut(&seated.1.extension) else { return };
        let key = session.map(str::to_owned);
        if let Some(queue) = lane.sessions.get_mut(&key) {
            if queue.front() == Some(seated) {
                queue.pop_front();
                lane.ready.extend(queue.front().cloned());
            } else {
                // It was withdrawn before its turn came, or it passed them all.
                queue.retain(|waiting| waiting != seated);
            }
            if queue.is_empty() {
                lane.sessions.remove(&key);
            }
        }
        if lane.is_empty() {
            self.0.remove(&seated.1.extension);
        }
    }

    fn lane(&mut self, seated: &Seated) -> &mut Lane {
        self.0.entry(seated.1.extension.clone()).or_default()
    }
}

impl Lane {
    fn start(&mut self) -> Option<Seated> {
        let next = self.urgent.pop_front().or_else(|| self.next())?;
        self.running.insert(next.clone());
        Some(next)
    }

    fn next(&mut self) -> Option<Seated> {
        if self.lone.is_some() || self.running.len() >= EXTENSION_PARALLEL_MAX {
            return None;
        }
        // Whoever waits to be alone goes first: what would start before it could make it wait for ever.
        if self.alone.is_empty() {
            return self.ready.pop_front();
        }
        let is_still = self.running.is_empty() && self.issued.is_empty();
        self.lone = is_still.then(|| self.alone.pop_front()).flatten();
        self.lone.clone()
    }

    /// Whether anything waits for its turn.
    fn waits(&self) -> bool {
        !(self.urgent.is_empty() && self.ready.is_empty() && self.alone.is_empty())
    }

    fn is_empty(&self) -> bool {
        self.sessions.is_empty() && !self.waits() && self.running.is_empty() && self.issued.is_empty()
    }
}
