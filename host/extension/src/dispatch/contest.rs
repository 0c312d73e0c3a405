//! What becomes of the groups that answer one event: which apply, in which order, and which have lost.
//!
//! Groups are settled in the order of their ranks, each once all before it have answered. For a pending interaction
//! nothing is settled before its deciders have all answered or their time is up, and declines come before the rest. A
//! group that loses one of its claims loses as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::board::Board;
use super::{Group, Rank, Refused};
use crate::{Claim, Verdict};

/// The contest for one event.
#[derive(Debug)]
pub(super) struct Contest {
    seats: BTreeMap<Rank, Entrant>,
    /// The question that the event asks, if it asks one, and until when its deciders may answer.
    interaction: Option<(Claim, Instant)>,
    /// Claims, other than of interactions, that are gone.
    taken: BTreeSet<Claim>,
    /// Whether something has happened since it was last found that nothing can be settled before another answer comes.
    stirred: bool,
}

/// One handler that was told of the event.
#[derive(Debug)]
pub(super) struct Entrant {
    decides: bool,
    required: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting,
    Answered(Answer),
    /// Handed to the host, which has not said yet whether it applied.
    Issued(BTreeSet<Claim>),
    Done,
}

/// What a handler answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// It asks for this; for nothing, if the group is empty.
    Group(Group),
    /// It asked for what it must not.
    Refused(Refused),
    /// It failed, with a sentence that says how.
    Failed(String),
    /// It was told of a question that somebody had answered.
    Expired,
    /// It is no longer there to answer.
    Withdrawn,
}

/// What became of one handler's answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Settled {
    /// The host applies it, if it still can.
    Apply(Group),
    /// It asked for no action. What its capabilities have buffered is written.
    Abstained,
    /// Another one, or a person, has what it claims.
    NotEligible {
        /// What.
        claim: Claim,
    },
    /// It accepts what nobody but a person may accept.
    Barred {
        /// What.
        claim: Claim,
        /// Why.
        reason: String,
    },
    /// It asked for what it must not.
    Refused(Refused),
    /// It failed, with a sentence that says how.
    Failed(String),
    /// It was to decide and had not answered in time: it abstains.
    Late,
    /// It was told too late: what the event asked is no longer pending.
    Expired,
    /// It is no longer approved or enabled.
    Withdrawn,
}

/// What the host said of a group that was to be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It is done, with its mark, in one transaction; or only the mark was to be written, and is.
    Applied,
    /// What it claims was gone. Nothing was done, and the mark says so.
    NotEligible,
    /// The host cannot do what it asks for. Nothing was done, the mark says so, and others may still have what it claims.
    Refused,
    /// What it read has changed meanwhile. Nothing was done, and the handler runs again.
    Conflict,
}

impl Entrant {
    pub(super) fn new(decides: bool, required: bool) -> Self {
        Self { decides, required, state: State::Waiting }
    }
}

impl Contest {
    pub(super) fn new(seats: BTreeMap<Rank, Entrant>, interaction: Option<(Claim, Instant)>) -> Self {
        Self { seats, interaction, taken: BTreeSet::new(), stirred: true }
    }

    /// Whether this handler has not answered, and may.
    pub(super) fn is_waiting(&self, rank: &Rank) -> bool {
        self.seats.get(rank).is_some_and(|seat| matches!(seat.state, State::Waiting))
    }

    /// Until when it waits for deciders, if it does.
    pub(super) fn deadline(&self, board: &Board) -> Option<Instant> {
        let (claim, deadline) = self.interaction.as_ref()?;
        board.get(claim).is_some_and(|interaction| !interaction.closed).then_some(*deadline)
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
            if let Some(claim) = seat.decides(&self.interaction).filter(|_| seat.required) {
                board.bar(claim, format!("{} is required and asked for what cannot be done", rank.extension));
            }
        } else {
            // Applied or not: somebody has it.
            for claim in claims {
                board.take(&claim);
                self.taken.insert(claim);
            }
        }
        false
    }

    /// Settles what can be settled now, in the order in which it is to be done.
    pub(super) fn advance(&mut self, board: &mut Board, now: Instant) -> Vec<(Rank, Settled)> {
        let mut settled = Vec::new();
        // Most events under way wait for an answer, and are not looked at again before there is one.
        if !self.stirred || !self.close(board, now, &mut settled) {
            return settled;
        }
        self.stirred = self.interaction.is_some();
        for rank in self.order() {
            match self.settle(&rank, board) {
                Some(outcome) => settled.push((rank, outcome)),
                // For an interaction all have answered who are waited for; else those behind wait for this one.
                None if self.interaction.is_none() => {
                    // If not for its answer, it waits for something that another event may bring.
                    self.stirred = !self.is_waiting(&rank);
                    break;
                }
                None => {}
            }
        }
        settled
    }

    /// Ends the waiting for deciders when it may end; whether it has ended.
    fn close(&mut self, board: &mut Board, now: Instant, settled: &mut Vec<(Rank, Settled)>) -> bool {
        let Some((claim, deadline)) = self.interaction.clone() else { return true };
        let Some(interaction) = board.get_mut(&claim) else { return true };
        let answered = |seat: &Entrant| !seat.decides || !matches!(seat.state, State::Waiting);
        if !(interaction.taken || now >= deadline || self.seats.values().all(answered)) {
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
            if seat.required && (waiting || seat.has_failed()) {
                board.bar(&claim, format!("{} is required and has not answered", rank.extension));
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
        if let Some(interaction) = self.interaction.as_ref().and_then(|(claim, _)| board.get_mut(claim)) {
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

    /// Settles one seat; `None` if it cannot be settled yet.
    fn settle(&mut self, rank: &Rank, board: &mut Board) -> Option<Settled> {
        let outcome = match &self.seats.get(rank)?.state {
            State::Answered(Answer::Group(group)) if group.is_empty() => Settled::Abstained,
            State::Answered(Answer::Group(group)) => self.judge(group, board)?,
            State::Answered(Answer::Refused(refused)) => Settled::Refused(refused.clone()),
            State::Answered(Answer::Failed(how)) => Settled::Failed(how.clone()),
            State::Answered(Answer::Expired) => Settled::Expired,
            State::Answered(Answer::Withdrawn) => Settled::Withdrawn,
            State::Waiting | State::Issued(_) | State::Done => return None,
        };
        let claims = match &outcome {
            Settled::Apply(group) => Some(group.claims.keys().cloned().collect()),
            // It may have buffered writes, and so may have to run again.
            Settled::Abstained => Some(BTreeSet::new()),
            _ => None,
        };
        let seat = self.seats.get_mut(rank)?;
        seat.state = match claims {
            Some(claims) => {
                claims.iter().chain(seat.decides(&self.interaction)).for_each(|claim| board.issue(claim));
                State::Issued(claims)
            }
            None => State::Done,
        };
        Some(outcome)
    }

    /// Whether a group may have what it claims; `None` as long as that is open.
    fn judge(&self, group: &Group, board: &Board) -> Option<Settled> {
        for (claim, verdict) in &group.claims {
            let known = board.get(claim);
            if self.taken.contains(claim) || known.is_some_and(|interaction| interaction.taken) {
                return Some(Settled::NotEligible { claim: claim.clone() });
            }
            if self.is_issued(claim) || known.is_some_and(|interaction| interaction.issued > 0 || !interaction.closed) {
                return None;
            }
            let reason = match known {
                Some(interaction) => interaction.barred.clone(),
                // It is over, or comes from another life of the host: what its deciders said is not known.
                None => Some("it is not pending here".to_owned()),
            };
            if let (Some(Verdict::Accept), Some(reason)) = (verdict, reason) {
                return Some(Settled::Barred { claim: claim.clone(), reason });
            }
        }
        Some(Settled::Apply(group.clone()))
    }

    fn is_issued(&self, claim: &Claim) -> bool {
        self.seats.values().any(|seat| matches!(&seat.state, State::Issued(claims) if claims.contains(claim)))
    }
}

impl Entrant {
    /// What it decides. As long as its own answer may still be void, nobody else's word on that counts.
    fn decides<'a>(&self, interaction: &'a Option<(Claim, Instant)>) -> Option<&'a Claim> {
        interaction.as_ref().filter(|_| self.decides).map(|(claim, _)| claim)
    }

    fn has_failed(&self) -> bool {
        matches!(&self.state, State::Answered(Answer::Failed(_) | Answer::Refused(_) | Answer::Withdrawn))
    }

    /// What it declines, as far as it has answered.
    fn declined(&self) -> impl Iterator<Item = &Claim> {
        let group = match &self.state {
            State::Answered(Answer::Group(group)) => Some(group),
            _ => None,
        };
        let claims = group.into_iter().flat_map(|group| &group.claims);
        claims.filter(|(_, verdict)| **verdict == Some(Verdict::Decline)).map(|(claim, _)| claim)
    }
}
