//! The pending interactions: who may still have a say in each.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use codex_manager_model::limits::EXTENSION_INTERACTIONS_MAX;

use crate::{Claim, ClaimRule, ExtensionId};

/// What is known of each interaction that was offered and is not resolved, up to a number: then the oldest is forgotten,
/// and what is not known to be pending is not accepted.
#[derive(Debug, Default)]
pub(super) struct Board {
    interactions: BTreeMap<Claim, Interaction>,
    /// How many there have been.
    opened: u64,
    /// What was resolved lately, up to the same number, the oldest first.
    resolved: VecDeque<Claim>,
    /// The same, to be asked.
    is_resolved: BTreeSet<Claim>,
}

/// What an event asks.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) claim: Claim,
    /// The event's kind.
    pub(super) kind: String,
    /// How it is claimed.
    pub(super) rule: ClaimRule,
}

/// One pending interaction.
#[derive(Debug, Clone)]
pub(super) struct Interaction {
    question: Question,
    /// Those that may decide it and were asked.
    asked: BTreeSet<ExtensionId>,
    /// Its deciders have answered, or their time has run out.
    pub(super) closed: bool,
    /// Why nobody but a person may accept.
    pub(super) barred: Option<String>,
    /// Somebody has it.
    pub(super) taken: bool,
    /// How many groups were handed to the host, which has not said yet what became of them: those that claim it, and
    /// those of its deciders, who may have to run again and say something else.
    pub(super) issued: usize,
    /// Its place among all that were opened.
    place: u64,
}

impl Board {
    /// Opens an interaction that is not there yet. It is closed at once if nobody hears of it.
    pub(super) fn open(&mut self, question: Question, barred: Option<String>, closed: bool) {
        if self.interactions.len() >= EXTENSION_INTERACTIONS_MAX {
            let oldest = self.interactions.iter().min_by_key(|(_, interaction)| interaction.place);
            oldest.map(|(claim, _)| claim.clone()).map(|claim| self.interactions.remove(&claim));
        }
        let (claim, asked, place) = (question.claim.clone(), BTreeSet::new(), self.opened);
        let interaction = Interaction { question, asked, closed, barred, taken: false, issued: 0, place };
        self.interactions.insert(claim, interaction);
        self.opened += 1;
    }

    /// Notes that these are asked.
    pub(super) fn ask(&mut self, claim: &Claim, extensions: BTreeSet<ExtensionId>) {
        if let Some(interaction) = self.interactions.get_mut(claim) {
            interaction.asked.extend(extensions);
        }
    }

    /// What is asked, as long as that is known.
    pub(super) fn question(&self, claim: &Claim) -> Option<&Question> {
        self.interactions.get(claim).map(|interaction| &interaction.question)
    }

    /// Looks at all that are open to be accepted, with those that were asked, for a reason against that.
    pub(super) fn review(&mut self, reason: impl Fn(&Question, &BTreeSet<ExtensionId>) -> Option<String>) {
        let open = self.interactions.values_mut().filter(|one| !one.taken && one.barred.is_none());
        open.for_each(|one| one.barred = reason(&one.question, &one.asked));
    }

    pub(super) fn get(&self, claim: &Claim) -> Option<&Interaction> {
        self.interactions.get(claim)
    }

    pub(super) fn get_mut(&mut self, claim: &Claim) -> Option<&mut Interaction> {
        self.interactions.get_mut(claim)
    }

    /// From now on only a person accepts it. The first reason is kept.
    pub(super) fn bar(&mut self, claim: &Claim, reason: String) {
        if let Some(interaction) = self.interactions.get_mut(claim) {
            interaction.barred.get_or_insert(reason);
        }
    }

    /// Somebody has it. What is not an interaction is no matter of the board.
    pub(super) fn take(&mut self, claim: &Claim) {
        if let Some(interaction) = self.interactions.get_mut(claim) {
            interaction.taken = true;
        }
    }

    /// It is resolved: somebody has it, and whoever tells of it as pending is behind the times.
    pub(super) fn resolve(&mut self, claim: &Claim) {
        self.take(claim);
        if !self.is_resolved.insert(claim.clone()) {
            return;
        }
        self.resolved.push_back(claim.clone());
        if self.resolved.len() > EXTENSION_INTERACTIONS_MAX
            && let Some(oldest) = self.resolved.pop_front()
        {
            self.is_resolved.remove(&oldest);
        }
    }

    /// Whether it was resolved lately.
    pub(super) fn is_resolved(&self, claim: &Claim) -> bool {
        self.is_resolved.contains(claim)
    }

    /// A group that matters to it goes to the host.
    pub(super) fn issue(&mut self, claim: &Claim) {
        if let Some(interaction) = self.interactions.get_mut(claim) {
            interaction.issued += 1;
        }
    }

    /// The host has said what became of that group.
    pub(super) fn release(&mut self, claim: &Claim) {
        if let Some(interaction) = self.interactions.get_mut(claim) {
            interaction.issued = interaction.issued.saturating_sub(1);
        }
    }

    /// It is resolved and nobody waits for it any more.
    pub(super) fn forget(&mut self, claim: &Claim) {
        self.interactions.remove(claim);
    }
}
