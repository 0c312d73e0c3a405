//! Who is told of what: the handlers of every extension that can be called, and who is missed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use codex_manager_model::Seq;
use codex_manager_model::limits::EXTENSION_WALL;

use super::{Occurrence, Rank};
use crate::{Approved, ClaimRule, Digest, ExtensionId, Grants, Standing, Vocabulary};

/// Every extension that is enabled, with the handlers of the version that can be called, in their order; and those that
/// are in quarantine, or required and unknown.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    pub(super) listeners: BTreeMap<Rank, Listener>,
    members: BTreeMap<ExtensionId, Member>,
    /// Where some of them begin.
    places: BTreeMap<ExtensionId, Seq>,
}

/// The version of an extension that can be called now: the approved one, or the one before it as long as that is not
/// ready.
#[derive(Debug, Clone)]
pub struct Serving {
    /// Its code.
    pub digest: Digest,
    /// What that version was given.
    pub grants: Arc<Grants>,
}

/// One handler of one extension.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The code that runs.
    pub digest: Digest,
    /// The handler's name: `on-event`.
    pub handler: String,
    /// What this version of the extension was given.
    pub grants: Arc<Grants>,
}

/// An extension that nobody has switched off.
#[derive(Debug, Clone)]
struct Member {
    /// What was approved; `None` of one that never was.
    approved: Option<(Digest, Arc<Grants>)>,
    enabled: bool,
    /// Whether its word is needed before anybody but a person accepts.
    required: bool,
    /// What can be called of it. Nothing, unless it is enabled.
    serving: Option<Serving>,
}

impl Member {
    /// Whether there is nothing of it that was approved and cannot be called.
    fn is_up_to_date(&self) -> bool {
        let approved = self.approved.as_ref().map(|(digest, _)| *digest);
        !self.enabled || approved == self.serving.as_ref().map(|serving| serving.digest)
    }
}

impl Serving {
    /// The version that was approved.
    pub fn approved(approved: &Approved) -> Self {
        Self { digest: approved.digest, grants: Arc::new(approved.grants.clone()) }
    }

    /// Every enabled extension by its approved version: for a host in which whatever is enabled can be called.
    pub fn all(approved: &[Approved]) -> BTreeMap<ExtensionId, Self> {
        let enabled = approved.iter().filter(|approved| approved.standing == Standing::Enabled);
        enabled.map(|approved| (approved.id.clone(), Self::approved(approved))).collect()
    }
}

impl Roster {
    /// The roster of what the lock says, where these versions can be called. An enabled extension of which none can be
    /// keeps its place and is told of nothing. One that a person has switched off is no part of it, required or not.
    pub fn of(
        approved: &[Approved],
        required: &BTreeSet<ExtensionId>,
        serving: &BTreeMap<ExtensionId, Serving>,
    ) -> Self {
        let mut roster = Self::default();
        for approved in approved {
            if matches!(approved.standing, Standing::Disabled { .. }) {
                continue;
            }
            let enabled = approved.standing == Standing::Enabled;
            let serving = serving.get(&approved.id).filter(|_| enabled).cloned();
            let (code, grants) = (approved.digest, Arc::new(approved.grants.clone()));
            let (approved_as, required) = (Some((code, grants)), required.contains(&approved.id));
            roster.add(&approved.id, Member { approved: approved_as, enabled, required, serving });
        }
        for id in required.iter().filter(|id| !approved.iter().any(|approved| approved.id == **id)) {
            roster.add(id, Member { approved: None, enabled: false, required: true, serving: None });
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

    /// The same, where none that is new begins before that.
    pub(super) fn beginning_at_least_after(mut self, head: Seq) -> Self {
        let places = self.members.keys().map(|id| (id.clone(), self.place(id, head))).collect();
        self.places = places;
        self
    }

    /// After which event one that is new begins, where dispatch has come to `head`.
    pub(super) fn place(&self, extension: &ExtensionId, head: Seq) -> Seq {
        self.places.get(extension).copied().unwrap_or(head).max(head)
    }

    /// Whether this extension is enabled, and so has a place in the log, whether or not it can be called.
    pub fn has(&self, extension: &ExtensionId) -> bool {
        self.members.get(extension).is_some_and(|member| member.enabled)
    }

    /// Those.
    pub(super) fn enabled(&self) -> impl Iterator<Item = &ExtensionId> {
        self.members.iter().filter(|(_, member)| member.enabled).map(|(id, _)| id)
    }

    /// The code that is called of this extension.
    pub(super) fn digest(&self, extension: &ExtensionId) -> Option<Digest> {
        self.members.get(extension)?.serving.as_ref().map(|serving| serving.digest)
    }

    /// The code that was approved of this extension, if it is enabled or in quarantine.
    pub(super) fn approved(&self, extension: &ExtensionId) -> Option<Digest> {
        self.members.get(extension)?.approved.as_ref().map(|(digest, _)| *digest)
    }

    /// How long a call of this extension may take.
    pub(super) fn wall(&self, extension: &ExtensionId) -> Duration {
        let serving = self.members.get(extension).and_then(|member| member.serving.as_ref());
        let granted = serving.and_then(|serving| serving.grants.limits.get("wall"));
        granted.map_or(EXTENSION_WALL, |millis| Duration::from_millis(*millis))
    }

    /// The handler in this place, or the one that a newer version of its extension put in its stead, if it hears of this.
    pub(super) fn listener(&self, rank: &Rank, occurrence: &Occurrence) -> Option<&Listener> {
        let same = |other: &&Rank| other.is_same_handler(rank);
        let listener = self.listeners.get(rank).or_else(|| self.listeners.get(self.listeners.keys().find(same)?));
        listener.filter(|listener| listener.hears(occurrence, &rank.extension))
    }

    /// Calls this code no more. If it is what was approved, its extension is in quarantine; else it serves again with
    /// the version that was approved in its stead.
    pub(super) fn fail(&mut self, extension: &ExtensionId, digest: Digest) {
        let Some(member) = self.members.get_mut(extension) else { return };
        if member.serving.as_ref().is_none_or(|serving| serving.digest == digest) {
            member.serving = None;
            self.listeners.retain(|rank, _| rank.extension != *extension);
        }
        if member.approved.as_ref().is_some_and(|(approved, _)| *approved == digest) {
            member.enabled = false;
        }
    }

    /// Why nobody but a person may accept what such an event asks, as long as this extension has not spoken; `None` if
    /// it need not. It holds whatever state the extension is in, and is asked again whenever the roster changes.
    pub(super) fn needs(
        &self,
        extension: &ExtensionId,
        kind: &str,
        asks: &ClaimRule,
        vocabulary: &Vocabulary,
    ) -> Option<Need> {
        let member = self.members.get(extension)?;
        if !member.required && member.is_up_to_date() {
            return None;
        }
        let would_decide = |grants: &Grants| {
            grants.handlers.values().any(|handler| handler.hears(kind)) && may_claim(grants, asks, vocabulary)
        };
        // Of one that was never approved nobody knows what it would have heard.
        let serves = member.serving.as_ref().is_some_and(|serving| would_decide(&serving.grants));
        if !serves && member.approved.as_ref().is_some_and(|(_, grants)| !would_decide(grants)) {
            return None;
        }
        match (member.enabled, member.required) {
            (false, false) => None,
            (false, true) => Some(Need::Absent),
            (true, _) if !serves => Some(Need::Unready),
            (true, true) => Some(Need::Required),
            (true, false) => None,
        }
    }

    /// The first reason why nobody but a person may accept what such an event asks, apart from those who are `asked`.
    pub(super) fn barred(
        &self,
        kind: &str,
        asks: &ClaimRule,
        vocabulary: &Vocabulary,
        asked: &BTreeSet<ExtensionId>,
    ) -> Option<String> {
        let silent = self.members.keys().filter(|id| !asked.contains(id));
        let mut needed = silent.filter_map(|id| Some(self.needs(id, kind, asks, vocabulary)?.unasked(id)));
        needed.next()
    }

    fn add(&mut self, id: &ExtensionId, member: Member) {
        if let Some(Serving { digest, grants }) = &member.serving {
            for (registration, (handler, grant)) in (0..).zip(&grants.handlers) {
                let rank = Rank { priority: grant.priority, extension: id.clone(), registration };
                let (digest, handler, grants) = (*digest, handler.clone(), grants.clone());
                self.listeners.insert(rank, Listener { digest, handler, grants });
            }
        }
        self.members.insert(id.clone(), member);
    }
}

/// Why the word of an extension is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It is required.
    Required,
    /// It is required and does not run.
    Absent,
    /// It is enabled and no version of it that decides such a thing can be called.
    Unready,
}

impl Need {
    /// Why nobody but a person accepts, where it was not asked.
    fn unasked(self, id: &ExtensionId) -> String {
        match self {
            Self::Required => format!("{id} is required and was not asked now"),
            Self::Absent => format!("{id} is required and does not run"),
            Self::Unready => format!("{id} would decide this and is not ready"),
        }
    }

    /// The same, where it was asked and did not answer.
    pub(super) fn unanswered(self, id: &ExtensionId) -> String {
        match self {
            Self::Required | Self::Absent => format!("{id} is required and has not answered"),
            Self::Unready => self.unasked(id),
        }
    }

    /// The same, where nothing came of its answer.
    pub(super) fn void(self, id: &ExtensionId) -> String {
        match self {
            Self::Required | Self::Absent => format!("{id} is required and asked for what cannot be done"),
            Self::Unready => self.unasked(id),
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
        may_claim(&self.grants, asks, vocabulary)
    }
}

/// Whether one of the granted actions may claim the same thing.
pub(super) fn may_claim(grants: &Grants, rule: &ClaimRule, vocabulary: &Vocabulary) -> bool {
    let claims = |kind: &String| vocabulary.actions.get(kind).and_then(|action| action.claim.as_ref());
    grants.actions.iter().filter_map(claims).any(|claim| claim.is_about_the_same(rule))
}
