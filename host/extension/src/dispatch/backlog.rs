//! What each extension has under way, and which of them have left the common way.
//!
//! Events are offered to all at once, at the head of the log. An extension that has its share under way, or of which
//! nothing can be called, leaves that way and stays where it is, and holds up nobody. Once it has room again, the log
//! is read for it alone, from its own mark, until it is at the head.

use std::collections::BTreeMap;

use crate::ExtensionId;

/// The backlogs of all extensions. Pending interactions are no part of them.
#[derive(Debug)]
pub(super) struct Backlogs {
    of: BTreeMap<ExtensionId, Backlog>,
    /// What all may have together, and what each may.
    whole: Share,
    each: Share,
}

/// What one extension has under way in its order.
#[derive(Debug, Default)]
struct Backlog {
    seats: usize,
    bytes: usize,
    /// Set as long as it is not on the common way.
    apart: Option<Apart>,
}

/// How an extension gets on that is not on the common way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Apart {
    Waiting,
    /// The next page is being read for it.
    Reading,
}

/// How much may be under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    pub(super) seats: usize,
    pub(super) bytes: usize,
}

impl Backlogs {
    pub(super) fn new(whole: Share) -> Self {
        Self { of: BTreeMap::new(), whole, each: whole.among(0) }
    }

    /// From now on there are these.
    pub(super) fn adopt<'a>(&mut self, enabled: impl Iterator<Item = &'a ExtensionId>) {
        let before = std::mem::take(&mut self.of);
        self.of.extend(enabled.map(|extension| (extension.clone(), Backlog::default())));
        self.each = self.whole.among(self.of.len());
        // One that has gone gives back what it has under way.
        for (extension, backlog) in before {
            match self.of.get_mut(&extension) {
                Some(kept) => *kept = backlog,
                None if backlog.seats > 0 => drop(self.of.insert(extension, Backlog { apart: None, ..backlog })),
                None => {}
            }
        }
    }

    /// One more call is under way or waits for its turn.
    pub(super) fn take(&mut self, extension: &ExtensionId, bytes: usize) {
        if let Some(backlog) = self.of.get_mut(extension) {
            backlog.seats += 1;
            backlog.bytes += bytes;
        }
    }

    /// It is done with.
    pub(super) fn give_back(&mut self, extension: &ExtensionId, bytes: usize) {
        if let Some(backlog) = self.of.get_mut(extension) {
            backlog.seats = backlog.seats.saturating_sub(1);
            backlog.bytes = backlog.bytes.saturating_sub(bytes);
        }
    }

    /// Whether it has its share. The last event of it may be larger than the rest.
    pub(super) fn is_full(&self, extension: &ExtensionId) -> bool {
        self.of.get(extension).is_some_and(|backlog| self.each.is_reached_by(backlog.seats, backlog.bytes))
    }

    /// Whether anybody has.
    pub(super) fn is_any_full(&self) -> bool {
        self.of.values().any(|backlog| self.each.is_reached_by(backlog.seats, backlog.bytes))
    }

    pub(super) fn is_apart(&self, extension: &ExtensionId) -> bool {
        self.of.get(extension).is_some_and(|backlog| backlog.apart.is_some())
    }

    /// Leaves the common way.
    pub(super) fn leave(&mut self, extension: &ExtensionId) {
        if let Some(backlog) = self.of.get_mut(extension) {
            backlog.apart.get_or_insert(Apart::Waiting);
        }
    }

    /// Is on the common way again, or for the first time.
    pub(super) fn join(&mut self, extension: &ExtensionId) {
        if let Some(backlog) = self.of.get_mut(extension) {
            backlog.apart = None;
        }
    }

    /// Those that have left it and have room for a page: less than half of their share is under way.
    pub(super) fn idle(&self) -> Vec<ExtensionId> {
        let idle = |backlog: &Backlog| {
            let room = !self.each.is_reached_by(2 * backlog.seats, 2 * backlog.bytes);
            room && backlog.apart == Some(Apart::Waiting)
        };
        self.of.iter().filter(|(_, backlog)| idle(backlog)).map(|(extension, _)| extension.clone()).collect()
    }

    /// A page is being read for it.
    pub(super) fn reads(&mut self, extension: &ExtensionId) {
        self.turn(extension, Apart::Reading);
    }

    /// It has the page.
    pub(super) fn has_read(&mut self, extension: &ExtensionId) {
        self.turn(extension, Apart::Waiting);
    }

    fn turn(&mut self, extension: &ExtensionId, to: Apart) {
        let apart = self.of.get_mut(extension).and_then(|backlog| backlog.apart.as_mut());
        apart.into_iter().for_each(|apart| *apart = to);
    }
}

impl Share {
    /// An equal part of it, and never more than half: so nobody takes what another one needs.
    fn among(self, extensions: usize) -> Self {
        let parts = extensions.max(2);
        Self { seats: (self.seats / parts).max(1), bytes: (self.bytes / parts).max(1) }
    }

    fn is_reached_by(self, seats: usize, bytes: usize) -> bool {
        seats >= self.seats || bytes >= self.bytes
    }
}
