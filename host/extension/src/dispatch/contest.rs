//! What becomes of the groups that answer one event: which apply, in which order, and which have lost.
//!
//! Whoever claims nothing waits for nobody. A group that claims something waits for those before it in rank that may claim
//! the same thing, and for a while only: whoever comes later finds it taken, or free. For a pending interaction no group
//! that decides it, or claims anything, is settled before its deciders have all answered or their time is up, and declines
//! come before the rest. A group that loses one of its claims loses as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use super::board::Board;
use super::entrant::{Answer, Entrant, State};
use super::roster::{Need, may_claim};
use super::{Committed, Rank, Settled};
use crate::{Claim, Grants, Verdict, Vocabulary};

/// The contest for one event.
#[derive(Debug)]
pub(super) struct Contest {
    seats: BTreeMap<Rank, Entrant>,
    /// The question that the event asks, if it asks one that is open.
    interaction: Option<Claim>,
    /// Until when one waits for another.
    deadline: Instant,
    /// Claims, other than of interactions, that are gone; `None` if that is not known any more.
    taken: Option<BTreeSet<Claim>>,
    /// Whether something has happened since it was last found that nothing can be settled before another answer comes.
    stirred: bool,
    /// Whether a group waits for one before it that has not answered.
    waits: bool,
}

/// Why an answer cannot be settled yet.
enum Wait {
    /// One before it may still claim the same.
    Before,
    /// What it claims is open, or is being recorded.
    Open,
}

impl Contest {
    pub(super) fn new(interaction: Option<Claim>, deadline: Instant, taken: Option<BTreeSet<Claim>>) -> Self {
        Self { seats: BTreeMap::new(), interaction, deadline, taken, stirred: true, waits: false }
    }

    /// Lets one more handler in.
    pub(super) fn enter(&mut self, rank: Rank, entrant: Entrant) {
        self.seats.insert(rank, entrant);
        self.stirred = true;
    }

    /// Whether this handler has not answered, and may.
    pub(super) fn is_waiting(&self, rank: &Rank) -> bool {
        self.seats.get(rank).is_some_and(|seat| matches!(seat.state, State::Waiting))
    }

    /// What this handler was given when it was called.
    pub(super) fn grants(&self, rank: &Rank) -> Option<&Grants> {
        self.seats.get(rank).map(|seat| seat.grants.as_ref())
    }

    /// It is called with these.
    pub(super) fn grant(&mut self, rank: &Rank, grants: Arc<Grants>) {
        if let Some(seat) = self.seats.get_mut(rank) {
            seat.grants = grants;
        }
    }

    /// The roster has changed: whether its word is needed, if it decides.
    pub(super) fn need(&mut self, rank: &Rank, need: Option<Need>) {
        if let Some(seat) = self.seats.get_mut(rank).filter(|seat| seat.decides) {
            seat.need = need;
        }
    }

    /// What is gone of this event, if anything is.
    pub(super) fn into_taken(self) -> Option<BTreeSet<Claim>> {
        self.taken.filter(|taken| !taken.is_empty())
    }

    /// Until when it waits for deciders, if it does.
    pub(super) fn open_until(&self, board: &Board) -> Option<Instant> {
        let interaction = board.get(self.interaction.as_ref()?)?;
        (!interaction.closed).then_some(self.deadline)
    }

    /// Whether there may be something to settle before another answer comes.
    pub(super) const fn is_active(&self) -> bool {
        self.stirred || self.waits
    }

    /// When there may be something to settle without another answer.
    pub(super) fn wake_at(&self, board: &Board) -> Option<Instant> {
        if self.waits { Some(self.deadline) } else { self.open_until(board) }
    }

    /// Takes an answer. One that comes after its seat was settled changes nothing.
    pub(super) fn answer(&mut self, rank: &Rank, answer: Answer) {
        if let Some(seat) = self.seats.get_mut(rank)
            && matches!(seat.state, State::Waiting)
        {
            seat.state = State::Answered(answer);
            self.stirred = true;
        }
    }

    /// Takes the host's word on a group that was to be applied; whether the handler runs again.
    pub(super) fn committed(&mut self, rank: &Rank, committed: Committed, board: &mut Board) -> bool {
        let Some(seat) = self.seats.get_mut(rank) else { return false };
        let State::Issued(claims) = std::mem::replace(&mut seat.state, State::Done) else { return false };
        self.stirred = true;
        for claim in claims.iter().chain(seat.decides(&self.interaction)) {
            board.release(claim);
        }
        if committed == Committed::Conflict {
            seat.state = State::Waiting;
            self.reopen(board);
            return true;
        }
        if committed == Committed::Refused {
            // Nothing came of its word, so it has not answered.
            if let (Some(claim), Some(need)) = (seat.decides(&self.interaction), seat.need) {
                board.bar(claim, need.void(&rank.extension));
            }
        } else {
            // Applied or not: somebody has it.
            for claim in claims {
                board.take(&claim);
                if let Some(taken) = &mut self.taken {
                    taken.insert(claim);
                }
            }
        }
        false
    }

    /// Settles what can be settled now, in the order in which it is to be done.
    pub(super) fn advance(&mut self, board: &mut Board, vocabulary: &Vocabulary, now: Instant) -> Vec<(Rank, Settled)> {
        let mut settled = Vec::new();
        // Most events under way wait for an answer, and are not looked at again before there is one.
        let is_due = self.waits && now >= self.deadline;
        if !(self.stirred || is_due) {
            return settled;
        }
        let closed = self.close(board, now, &mut settled);
        if !closed && !self.seats.values().any(Entrant::is_free) {
            return settled;
        }
        (self.stirred, self.waits) = (self.interaction.is_some(), false);
        // Claims of groups that are before the next one and are not settled, and those who may still claim something.
        let (mut held, mut before) = (BTreeSet::new(), Vec::new());
        for rank in self.order() {
            let Some(seat) = self.seats.get(&rank) else { continue };
            let State::Answered(answer) = &seat.state else {
                before.extend((now < self.deadline).then(|| Arc::clone(&seat.grants)));
                continue;
            };
            if !closed && !seat.is_free() {
                continue;
            }
            match self.judge(answer, &held, &before, board, vocabulary) {
                Ok(outcome) => {
                    self.settle(&rank, &outcome, board);
                    settled.push((rank, outcome));
                }
                Err(wait) => {
                    held.extend(answer.claims().cloned());
                    match wait {
                        Wait::Before => self.waits = true,
                        // Another event may bring what it waits for.
                        Wait::Open => self.stirred = true,
                    }
                }
            }
        }
        settled
    }

    /// Ends the waiting for deciders when it may end; whether it has ended.
    fn close(&mut self, board: &mut Board, now: Instant, settled: &mut Vec<(Rank, Settled)>) -> bool {
        let Some(claim) = self.interaction.clone() else { return true };
        let Some(interaction) = board.get_mut(&claim) else { return true };
        let answered = |seat: &Entrant| !seat.decides || !matches!(seat.state, State::Waiting);
        if !(interaction.taken || now >= self.deadline || self.seats.values().all(answered)) {
            return false;
        }
        interaction.closed = true;
        if interaction.taken {
            // Nothing is left to decide, and nobody is late: who answers now has lost this claim and no other.
            return true;
        }
        for (rank, seat) in self.seats.iter_mut().filter(|(_, seat)| seat.decides) {
            let waiting = matches!(seat.state, State::Waiting);
            if waiting {
                seat.state = State::Done;
                settled.push((rank.clone(), Settled::Late));
            }
            if let Some(need) = seat.need.filter(|_| waiting || seat.has_failed()) {
                board.bar(&claim, need.unanswered(&rank.extension));
            }
            // However the decline itself fares, its word stands against every accept.
            for declined in seat.declined() {
                board.bar(declined, format!("{} declines", rank.extension));
            }
        }
        true
    }

    /// Waits for a decider again that runs again. Its deadline stays.
    fn reopen(&mut self, board: &mut Board) {
        if let Some(interaction) = self.interaction.as_ref().and_then(|claim| board.get_mut(claim)) {
            interaction.closed = false;
        }
    }

    /// The seats that are not done, in the order in which they are settled.
    fn order(&self) -> Vec<Rank> {
        let open = self.seats.iter().filter(|(_, seat)| !matches!(seat.state, State::Done | State::Issued(_)));
        let mut order: Vec<_> = open.map(|(rank, seat)| (seat.declined().next().is_none(), rank.clone())).collect();
        if self.interaction.is_some() {
            order.sort();
        }
        order.into_iter().map(|(_, rank)| rank).collect()
    }

    /// A seat is settled.
    fn settle(&mut self, rank: &Rank, outcome: &Settled, board: &mut Board) {
        let claims = match outcome {
            Settled::Apply(group) => Some(group.claims.keys().cloned().collect()),
            // It may have buffered writes, and so may have to run again.
            Settled::Abstained => Some(BTreeSet::new()),
            _ => None,
        };
        let Some(seat) = self.seats.get_mut(rank) else { return };
        seat.state = match claims {
            Some(claims) => {
                claims.iter().chain(seat.decides(&self.interaction)).for_each(|claim| board.issue(claim));
                State::Issued(claims)
            }
            None => State::Done,
        };
    }

    /// What becomes of an answer.
    fn judge(
        &self,
        answer: &Answer,
        held: &BTreeSet<Claim>,
        before: &[Arc<Grants>],
        board: &Board,
        vocabulary: &Vocabulary,
    ) -> Result<Settled, Wait> {
        let group = match answer {
            Answer::Group(group) if group.is_empty() => return Ok(Settled::Abstained),
            Answer::Group(group) => group,
            Answer::Refused(refused) => return Ok(Settled::Refused(refused.clone())),
            Answer::Failed(how) => return Ok(Settled::Failed(how.clone())),
            Answer::Expired => return Ok(Settled::Expired),
            Answer::Withdrawn => return Ok(Settled::Withdrawn),
        };
        for claim in group.claims.keys() {
            let known = board.get(claim);
            // What is not known to be free is not had.
            let is_taken = self.taken.as_ref().is_none_or(|taken| taken.contains(claim));
            if known.map_or(is_taken, |interaction| interaction.taken) {
                return Ok(Settled::NotEligible { claim: claim.clone() });
            }
            let is_open = known.is_some_and(|interaction| interaction.issued > 0 || !interaction.closed);
            if is_open || self.is_issued(claim) || held.contains(claim) {
                return Err(Wait::Open);
            }
        }
        let rule = |kind: &str| vocabulary.actions.get(kind).and_then(|action| action.claim.as_ref());
        let mut rules = group.actions.iter().filter_map(|action| rule(&action.kind));
        if !before.is_empty() && rules.any(|rule| before.iter().any(|grants| may_claim(grants, rule, vocabulary))) {
            return Err(Wait::Before);
        }
        for (claim, _) in group.claims.iter().filter(|(_, verdict)| **verdict == Some(Verdict::Accept)) {
            let reason = match board.get(claim) {
                Some(interaction) => interaction.barred.clone(),
                // It is over, or comes from another life of the host: what its deciders said is not known.
                None => Some("it is not pending here".to_owned()),
            };
            if let Some(reason) = reason {
                return Ok(Settled::Barred { claim: claim.clone(), reason });
            }
        }
        Ok(Settled::Apply(group.clone()))
    }

    fn is_issued(&self, claim: &Claim) -> bool {
        self.seats.values().any(|seat| matches!(&seat.state, State::Issued(claims) if claims.contains(claim)))
    }
}
