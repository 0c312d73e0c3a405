//! Who is told of what: the handlers of every extension that runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use codex_manager_model::Seq;

use super::{Occurrence, Rank};
use crate::{Approved, ClaimRule, Digest, ExtensionId, Grants, Standing, Vocabulary};

/// The handlers of all approved and enabled extensions, in their order.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    pub(super) listeners: BTreeMap<Rank, Listener>,
    /// Extensions that are required and do not run, with what they were granted if they were ever approved.
    absent: BTreeMap<ExtensionId, Option<Grants>>,
    /// Where some of them begin.
    places: BTreeMap<ExtensionId, Seq>,
}

/// One handler of one extension.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The code that runs.
    pub digest: Digest,
    /// The handler's name: `on-event`.
    pub handler: String,
    /// What the extension was given.
    pub grants: Arc<Grants>,
    /// Whether its word is needed before anybody but a person accepts.
    pub required: bool,
}

impl Roster {
    /// The roster of what the lock says.
    pub fn of(approved: &[Approved], required: &BTreeSet<ExtensionId>) -> Self {
        let runs = |approved: &&Approved| approved.standing == Standing::Enabled;
        let mut roster = Self::default();
        for approved in approved.iter().filter(runs) {
            roster.add(approved, required.contains(&approved.id));
        }
        for id in required {
            let known = approved.iter().find(|approved| approved.id == *id);
            if !known.is_some_and(|approved| approved.standing == Standing::Enabled) {
                roster.absent.insert(id.clone(), known.map(|approved| approved.grants.clone()));
            }
        }
        roster
    }

    /// The same, where these begin after that event. It counts for those that are new, and only if dispatch has not
    /// come further by itself: it may lag behind the log.
    #[must_use]
    pub fn beginning_after(mut self, places: impl IntoIterator<Item = (ExtensionId, Seq)>) -> Self {
        self.places.extend(places);
        self
    }

    /// After which event one that is new begins, where dispatch has come to `head`.
    pub(super) fn place(&self, extension: &ExtensionId, head: Seq) -> Seq {
        self.places.get(extension).copied().unwrap_or(head).max(head)
    }

    /// Whether this extension has a handler in it.
    pub fn has(&self, extension: &ExtensionId) -> bool {
        self.listeners.keys().any(|rank| rank.extension == *extension)
    }

    /// The code of this extension, if it has a handler in it.
    pub(super) fn digest(&self, extension: &ExtensionId) -> Option<Digest> {
        let listener = self.listeners.iter().find(|(rank, _)| rank.extension == *extension);
        listener.map(|(_, listener)| listener.digest)
    }

    /// The handler in this place, or the one that a newer version of its extension put in its stead, if it hears of this.
    pub(super) fn listener(&self, rank: &Rank, occurrence: &Occurrence) -> Option<&Listener> {
        let same = |other: &&Rank| other.extension == rank.extension && other.registration == rank.registration;
        let listener = self.listeners.get(rank).or_else(|| self.listeners.get(self.listeners.keys().find(same)?));
        listener.filter(|listener| listener.hears(occurrence, &rank.extension))
    }

    /// Takes an extension out. If it is required, it is missed from now on.
    pub(super) fn leave(&mut self, extension: &ExtensionId) {
        for (rank, listener) in std::mem::take(&mut self.listeners) {
            if rank.extension != *extension {
                self.listeners.insert(rank, listener);
            } else if listener.required {
                self.absent.insert(rank.extension, Some(listener.grants.as_ref().clone()));
            }
        }
    }

    /// Why nobody but a person may accept what such an event asks, before anybody has answered: an extension is required
    /// that does not run, or that is not `asked` this time, because it was in an earlier life of the host.
    pub(super) fn barred(
        &self,
        kind: &str,
        asks: &ClaimRule,
        vocabulary: &Vocabulary,
        asked: impl Fn(&Rank) -> bool,
    ) -> Option<String> {
        let would_decide = |grants: &Grants| {
            grants.handlers.values().any(|handler| handler.hears(kind)) && decides(grants, asks, vocabulary)
        };
        // Of one that was never approved nobody knows what it would have heard.
        let missed = |grants: &Option<Grants>| grants.as_ref().is_none_or(would_decide);
        if let Some((id, _)) = self.absent.iter().find(|(_, grants)| missed(grants)) {
            return Some(format!("{id} is required and does not run"));
        }
        let silent =
            |(rank, listener): &(&Rank, &Listener)| listener.required && would_decide(&listener.grants) && !asked(rank);
        let (rank, _) = self.listeners.iter().find(silent)?;
        Some(format!("{} is required and was not asked now", rank.extension))
    }

    fn add(&mut self, approved: &Approved, required: bool) {
        let grants = Arc::new(approved.grants.clone());
        for (registration, (handler, grant)) in (0..).zip(&approved.grants.handlers) {
            let rank = Rank { priority: grant.priority, extension: approved.id.clone(), registration };
            let (digest, handler, grants) = (approved.digest, handler.clone(), grants.clone());
            self.listeners.insert(rank, Listener { digest, handler, grants, required });
        }
    }
}

impl Listener {
    /// Whether this handler of this extension hears of an event.
    pub(super) fn hears(&self, occurrence: &Occurrence, extension: &ExtensionId) -> bool {
        let own = occurrence.by.as_ref() == Some(extension);
        let handler = self.grants.handlers.get(&self.handler);
        handler.is_some_and(|handler| handler.hears(&occurrence.event.header.kind) && (!own || handler.own_events))
    }

    /// Whether it may decide what such an event asks.
    pub(super) fn decides(&self, asks: &ClaimRule, vocabulary: &Vocabulary) -> bool {
        decides(&self.grants, asks, vocabulary)
    }
}

/// Whether one of the granted actions claims such an interaction.
fn decides(grants: &Grants, asks: &ClaimRule, vocabulary: &Vocabulary) -> bool {
    let claims = |kind: &String| vocabulary.actions.get(kind).and_then(|action| action.claim.as_ref());
    grants.actions.iter().filter_map(claims).any(|claim| claim.noun == asks.noun && claim.part == asks.part)
}
