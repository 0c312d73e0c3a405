//! Telling extensions of an event: who hears it, and how each gets its turn.

use std::collections::BTreeMap;
use std::time::Instant;

use codex_manager_model::Seq;
use codex_manager_model::limits::{EXTENSION_CRASH_RERUNS_MAX, EXTENSION_DECIDE, HOPS_MAX};

use super::board::Question;
use super::contest::Contest;
use super::entrant::{Answer, Entrant};
use super::round::{Round, Way};
use super::{Dispatch, Listener, Occurrence, Rank};
use crate::ExtensionId;

impl Dispatch {
    /// Tells those of an event who hear it and are not told yet: of these extensions, and of all if it is pending.
    pub(super) fn tell(&mut self, occurrence: Occurrence, to: impl Fn(&Self, &ExtensionId) -> bool, now: Instant) {
        let seq = Seq(occurrence.event.header.seq);
        let question = self.question(&occurrence);
        // Whoever read that it is pending may have read it before it was resolved.
        let is_pending = |question: &&Question| occurrence.pending && !self.board.is_resolved(&question.claim);
        let pending = question.as_ref().filter(is_pending);
        let listeners: BTreeMap<_, _> = self
            .listeners(&occurrence)
            .filter(|(rank, _)| pending.is_some() || to(self, &rank.extension))
            .map(|(rank, listener)| (rank.clone(), listener.clone()))
            .collect();
        let is_open = pending.is_some_and(|question| self.open(question, &listeners));
        if listeners.is_empty() {
            return;
        }
        let deciding = pending.filter(|_| is_open);
        let mut round = self.rounds.remove(&seq).unwrap_or_else(|| {
            let interaction = deciding.map(|question| question.claim.clone());
            let contest = Contest::new(interaction, now + EXTENSION_DECIDE, self.taken.of(seq));
            Round::new(occurrence, pending.map(|question| question.claim.clone()), contest)
        });
        for (rank, listener) in listeners {
            round.contest.enter(rank.clone(), self.entrant(&rank, &listener, deciding));
            let answered = match (&question, &pending) {
                (Some(_), None) => Some(Answer::Expired),
                _ => ended_with(&round, &rank),
            };
            let way = if is_open { Way::Past } else { Way::InOrder };
            self.seat(&mut round, rank, way, answered);
        }
        self.rounds.insert(seq, round);
        self.active.insert(seq);
    }

    /// Who hears of an event, has not caused it, was not told of it yet and is not done with it.
    pub(super) fn listeners(&self, occurrence: &Occurrence) -> impl Iterator<Item = (&Rank, &Listener)> {
        let header = &occurrence.event.header;
        let (seq, is_far) = (Seq(header.seq), header.hops >= u32::from(HOPS_MAX));
        let round = self.rounds.get(&seq);
        let is_done = move |rank: &Rank| {
            let done = self.marks.get(&rank.extension).is_none_or(|marks| marks.is_done(seq));
            done || round.is_some_and(|round| round.open.keys().any(|open| open.is_same_handler(rank)))
        };
        let listeners = self.roster.listeners.iter().filter(move |_| !is_far);
        listeners.filter(move |(rank, listener)| listener.hears(occurrence, &rank.extension) && !is_done(rank))
    }

    /// What an event asks, if it asks something.
    fn question(&self, occurrence: &Occurrence) -> Option<Question> {
        let kind = &occurrence.event.header.kind;
        let rule = self.vocabulary.event(kind)?.interaction.clone()?;
        let payload = serde_json::from_str(&occurrence.event.payload).ok()?;
        Some(Question { claim: rule.of(&payload)?, kind: kind.clone(), rule })
    }

    /// Opens an interaction, or lets these have a say in it as well; whether its deciders are waited for.
    fn open(&mut self, question: &Question, listeners: &BTreeMap<Rank, Listener>) -> bool {
        let Question { claim, kind, rule } = question;
        let deciders = listeners.iter().filter(|(_, listener)| listener.decides(rule, &self.vocabulary));
        let deciders = deciders.map(|(rank, _)| rank.extension.clone()).collect();
        match self.board.get(claim) {
            Some(interaction) if interaction.closed => return false,
            Some(_) => {}
            None => {
                let barred = self.roster.barred(kind, rule, &self.vocabulary, &deciders);
                self.board.open(question.clone(), barred, listeners.is_empty());
            }
        }
        self.board.ask(claim, deciders);
        !listeners.is_empty()
    }

    fn entrant(&self, rank: &Rank, listener: &Listener, deciding: Option<&Question>) -> Entrant {
        let deciding = deciding.filter(|question| listener.decides(&question.rule, &self.vocabulary));
        let need = deciding
            .and_then(|Question { kind, rule, .. }| self.roster.needs(&rank.extension, kind, rule, &self.vocabulary));
        Entrant::new(deciding.is_some(), need, listener.grants.clone())
    }

    /// Puts one handler into its lane, or lets it answer at once.
    fn seat(&mut self, round: &mut Round, rank: Rank, way: Way, answered: Option<Answer>) {
        if way == Way::InOrder {
            self.backlogs.take(&rank.extension, round.bytes());
        }
        let seated = (Seq(round.occurrence.event.header.seq), rank.clone());
        match (answered, way) {
            (Some(answer), _) => round.contest.answer(&rank, answer),
            (None, Way::Past) => self.lanes.pass(seated),
            (None, Way::InOrder) => self.lanes.queue(round.session(), seated),
        }
        round.open.insert(rank, way);
    }
}

/// Why a handler is not called any more for what it was called before. That the host ended is held against nobody: whoever
/// waits for long is there each time.
fn ended_with(round: &Round, rank: &Rank) -> Option<Answer> {
    let extension = &rank.extension;
    let begun = round.occurrence.begun.get(extension).copied().filter(|begun| *begun > EXTENSION_CRASH_RERUNS_MAX)?;
    Some(Answer::Failed(format!("the host ended {begun} times while {extension} was dealing with it")))
}
