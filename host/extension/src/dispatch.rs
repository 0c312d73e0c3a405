//! Dispatch: who is told of which event, when, and what becomes of what they ask for.
//!
//! Deciding is pure. A [`Dispatch`] is told what happened (an event, an answer, the time) and says what is to be done
//! next, as [`Order`]s. It calls nobody, waits for nobody and keeps nothing on a disk: a [`Driver`] does that, with an
//! embedder's [`Host`].
//!
//! - Events of one session reach an extension in order; sessions do not wait for each other; a pending interaction
//!   overtakes what came before it.
//! - Who waits, waits alone. A group that claims nothing is applied when its handler has returned. Where two claim the
//!   same, the first one in the order of their [`Rank`]s has it, and the other is not eligible as a whole: a group waits
//!   for those before it that may claim the same, for at most two seconds.
//! - An interaction is open until all its deciders have answered, for at most two seconds. Then declines come before
//!   accepts. If a required decider has failed, is late or does not run, or one that is enabled and would decide cannot be
//!   called, nobody but a person accepts. Only a person who switches it off takes its word away.
//! - One extension has so many calls under way and no more; pending interactions are not counted, and wait for none. One
//!   that has fallen behind is left there, and [reads](Read) the log from its own mark once it has room again.
//! - What the host could not do is tried again, and is nobody's failure.
//! - Each call ends in exactly one [`Settle`], which the host records with its mark.

mod backlog;
mod behind;
mod board;
mod contest;
mod drive;
mod entrant;
mod failures;
mod group;
mod lanes;
mod marks;
mod order;
mod rank;
mod retries;
mod roster;
mod round;
mod settled;
mod taken;
mod tell;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use codex_manager_model::Seq;
use codex_manager_model::limits::{EXTENSION_CONFLICTS_MAX, EXTENSION_ROUNDS_BYTES_MAX, EXTENSION_ROUNDS_MAX};

use crate::{Claim, Digest, ExtensionId, Grants, Vocabulary};
use backlog::{Backlogs, Share};
use board::Board;
use entrant::Answer;
use failures::Failures;
use lanes::Lanes;
use retries::Retries;
use round::{Round, Way};
use taken::Taken;

pub use drive::{Driver, Host, News};
pub use group::{CheckedAction, Group, Refused};
pub use marks::Marks;
pub use order::{Answered, Occurrence, Order, Page, Quarantine, Read, Run, Seat, Settle};
pub use rank::Rank;
pub use roster::{Listener, Roster, Serving};
pub use settled::{Committed, Settled};

/// All events under way, and what is known of those before.
pub struct Dispatch {
    vocabulary: Arc<Vocabulary>,
    roster: Roster,
    marks: BTreeMap<ExtensionId, Marks>,
    rounds: BTreeMap<Seq, Round>,
    /// Those in which something may be settled now, or when a time is up. The others wait for an answer.
    active: BTreeSet<Seq>,
    backlogs: Backlogs,
    taken: Taken,
    lanes: Lanes,
    retries: Retries,
    /// The code of each call that has not returned.
    called: BTreeMap<Seat, Digest>,
    board: Board,
    failures: Failures,
    /// The last event that was offered in its order.
    head: Seq,
}

impl Dispatch {
    /// A dispatch for a host that understands `vocabulary`. An extension goes on after its marks; one that has none
    /// starts after `head`, the end of the log. The common way begins where the foremost stands, and the others catch up.
    pub fn new(vocabulary: Arc<Vocabulary>, roster: Roster, marks: BTreeMap<ExtensionId, Marks>, head: Seq) -> Self {
        let foremost = |extension: &ExtensionId| marks.get(extension).map_or(head, Marks::low);
        let foremost = roster.enabled().map(foremost).max().unwrap_or(head);
        let mut dispatch = Self {
            vocabulary,
            roster: Roster::default(),
            marks,
            rounds: BTreeMap::new(),
            active: BTreeSet::new(),
            backlogs: Backlogs::new(Share { seats: EXTENSION_ROUNDS_MAX, bytes: EXTENSION_ROUNDS_BYTES_MAX }),
            taken: Taken::default(),
            lanes: Lanes::default(),
            retries: Retries::default(),
            called: BTreeMap::new(),
            board: Board::default(),
            failures: Failures::default(),
            head: foremost,
        };
        dispatch.adopt(roster.beginning_at_least_after(head));
        dispatch
    }

    /// The event after which the next one is to be offered.
    pub const fn head(&self) -> Seq {
        self.head
    }

    /// Up to where an extension is done with everything; `None` if it does not run.
    pub fn low(&self, extension: &ExtensionId) -> Option<Seq> {
        self.marks.get(extension).map(Marks::low)
    }

    /// The same of all that run.
    pub fn lows(&self) -> impl Iterator<Item = (&ExtensionId, Seq)> {
        self.marks.iter().map(|(extension, marks)| (extension, marks.low()))
    }

    /// Whether an answer from there still counts.
    pub fn expects(&self, seat: &Seat) -> bool {
        self.rounds.get(&seat.seq).is_some_and(|round| round.contest.is_waiting(&seat.rank))
    }

    /// The next time at which [`tick`](Self::tick) has something to do.
    pub fn wake_at(&self) -> Option<Instant> {
        let active = self.active.iter().filter_map(|seq| self.rounds.get(seq));
        let contests = active.filter_map(|round| round.contest.wake_at(&self.board));
        contests.chain(self.retries.at()).min()
    }

    /// Tells of the next event. Events come in the order of the log.
    pub fn offer(&mut self, occurrence: Occurrence, now: Instant) -> Vec<Order> {
        let seq = Seq(occurrence.event.header.seq);
        // Whoever would hear it and has its share under way stays behind.
        if self.backlogs.is_any_full() {
            let hearing = self.listeners(&occurrence).map(|(rank, _)| rank.extension.clone());
            let full: Vec<_> = hearing.filter(|extension| self.backlogs.is_full(extension)).collect();
            full.iter().for_each(|extension| self.backlogs.leave(extension));
        }
        self.tell(occurrence, |dispatch, extension| !dispatch.backlogs.is_apart(extension), now);
        self.head = self.head.max(seq);
        for (extension, marks) in self.marks.iter_mut().filter(|(extension, _)| !self.backlogs.is_apart(extension)) {
            marks.pass(seq, self.rounds.get(&seq).is_some_and(|round| round.is_open_for(extension)));
        }
        self.proceed(now, Vec::new())
    }

    /// Tells of a pending interaction before its turn. It is offered again in its turn.
    pub fn overtake(&mut self, occurrence: Occurrence, now: Instant) -> Vec<Order> {
        // What has had its turn is over, but for those that have fallen behind.
        if Seq(occurrence.event.header.seq) > self.head || self.listeners(&occurrence).next().is_some() {
            self.tell(occurrence, |_, _| true, now);
        }
        self.proceed(now, Vec::new())
    }

    /// Takes what a call came to. What comes after its seat was settled is dropped.
    pub fn answered(&mut self, seat: &Seat, answered: Answered, now: Instant) -> Vec<Order> {
        self.lanes.returned(&(seat.seq, seat.rank.clone()));
        let called = self.called.remove(seat);
        let mut failure = None;
        let answer = match answered {
            Answered::Actions(actions) => {
                let round = self.rounds.get(&seat.seq);
                let (grants, none) = (round.and_then(|round| round.contest.grants(&seat.rank)), Grants::default());
                match Group::of(&actions, grants.unwrap_or(&none), &self.vocabulary) {
                    Ok(group) => Answer::Group(group),
                    Err(refused) => Answer::Refused(refused),
                }
            }
            Answered::Failed { sentence, fatal } => {
                if fatal {
                    failure = Some(sentence.clone());
                }
                Answer::Failed(sentence)
            }
            Answered::Unavailable { sentence } => match self.retry(seat, now) {
                true => return self.proceed(now, Vec::new()),
                false => Answer::Failed(sentence),
            },
        };
        if let Some(round) = self.rounds.get_mut(&seat.seq) {
            round.contest.answer(&seat.rank, answer);
            self.active.insert(seat.seq);
        }
        let mut orders = Vec::new();
        if let Some(sentence) = failure {
            self.count_failure(&seat.rank.extension, called, &sentence, now, &mut orders);
        }
        self.proceed(now, orders)
    }

    /// Takes the host's word on a [`Settle`].
    pub fn committed(&mut self, seat: &Seat, committed: Committed, now: Instant) -> Vec<Order> {
        let seated = (seat.seq, seat.rank.clone());
        let Some(round) = self.rounds.get_mut(&seat.seq) else { return Vec::new() };
        self.lanes.committed(&seated);
        self.active.insert(seat.seq);
        let way = round.open.get(&seat.rank).copied().unwrap_or(Way::InOrder);
        if round.contest.committed(&seat.rank, committed, &mut self.board) {
            match round.count_conflict(&seat.rank) {
                count if count > 2 * EXTENSION_CONFLICTS_MAX => {
                    let how = format!("what {} read changed each time before it could write", seat.rank.extension);
                    round.contest.answer(&seat.rank, Answer::Failed(how));
                }
                count if count > EXTENSION_CONFLICTS_MAX => self.lanes.again_alone(seated),
                _ => self.lanes.again(seated, way),
            }
            return self.proceed(now, Vec::new());
        }
        round.open.remove(&seat.rank);
        self.lanes.done(round.session(), &seated);
        if way == Way::InOrder {
            self.backlogs.give_back(&seat.rank.extension, round.bytes());
        }
        if let Some(marks) =
            self.marks.get_mut(&seat.rank.extension).filter(|_| !round.is_open_for(&seat.rank.extension))
        {
            marks.done(seat.seq);
        }
        if round.open.is_empty() {
            self.end(seat.seq);
        }
        self.proceed(now, Vec::new())
    }

    /// A person has decided this, or it can no longer be decided: whatever else claims it comes too late, and if it was
    /// not offered yet, nobody is asked any more.
    pub fn resolved(&mut self, claim: &Claim, now: Instant) -> Vec<Order> {
        self.board.resolve(claim);
        let orders = self.proceed(now, Vec::new());
        if !self.rounds.values().any(|round| round.asks.as_ref() == Some(claim)) {
            self.board.forget(claim);
        }
        orders
    }

    /// Lets the time pass.
    pub fn tick(&mut self, now: Instant) -> Vec<Order> {
        self.proceed(now, Vec::new())
    }

    /// Goes on with other extensions, or other versions of them. Calls under way end on the version they began with,
    /// unless their extension is not enabled any more. One that is new starts with the next event; one of which nothing
    /// can be called stays where it is.
    pub fn replace(&mut self, roster: Roster, now: Instant) -> Vec<Order> {
        self.adopt(roster);
        self.proceed(now, Vec::new())
    }

    fn adopt(&mut self, roster: Roster) {
        self.marks.retain(|extension, _| roster.has(extension));
        self.backlogs.adopt(roster.enabled());
        for extension in roster.enabled() {
            let fresh = || Marks::starting_after(roster.place(extension, self.head), []);
            let marks = self.marks.entry(extension.clone()).or_insert_with(fresh);
            if marks.head() < self.head || roster.digest(extension).is_none() {
                self.backlogs.leave(extension);
            }
        }
        self.roster = roster;
        self.review();
    }

    /// Looks at what is under way with another roster: an accept must not slip through because who would decide has
    /// changed meanwhile. Whoever was asked and is still enabled may answer.
    fn review(&mut self) {
        let Self { roster, vocabulary, board, rounds, active, .. } = self;
        active.extend(rounds.keys());
        for round in rounds.values_mut() {
            let question = round.asks.as_ref().and_then(|claim| board.question(claim));
            for rank in round.open.keys() {
                if let Some(question) = question {
                    let need = roster.needs(&rank.extension, &question.kind, &question.rule, vocabulary);
                    round.contest.need(rank, need);
                }
                if !roster.has(&rank.extension) {
                    round.contest.answer(rank, Answer::Withdrawn);
                }
            }
        }
        board.review(|question, asked| roster.barred(&question.kind, &question.rule, vocabulary, asked));
    }

    /// Tries a call later that the host could not make; `false` if it is not waited for, or was tried often enough.
    fn retry(&mut self, seat: &Seat, now: Instant) -> bool {
        let round = self.rounds.get_mut(&seat.seq).filter(|round| round.contest.is_waiting(&seat.rank));
        round.is_some_and(|round| {
            let tried = round.count_unavailable(&seat.rank);
            self.retries.later((seat.seq, seat.rank.clone()), tried, now)
        })
    }

    /// Starts and settles whatever can be, until nothing can.
    fn proceed(&mut self, now: Instant, mut orders: Vec<Order>) -> Vec<Order> {
        while let Some((seq, rank)) = self.retries.next(now) {
            if let Some(way) = self.rounds.get(&seq).and_then(|round| round.open.get(&rank)) {
                self.lanes.again((seq, rank), *way);
            }
        }
        loop {
            let mut is_still = true;
            // First what is to be recorded: whoever is to run alone waits for it.
            for seq in std::mem::take(&mut self.active) {
                let Some(round) = self.rounds.get_mut(&seq) else { continue };
                for (rank, settled) in round.contest.advance(&mut self.board, &self.vocabulary, now) {
                    is_still = false;
                    self.lanes.issued((seq, rank.clone()));
                    orders.push(Order::Settle(Settle { seat: Seat { seq, rank }, settled }));
                }
                if round.contest.is_active() {
                    self.active.insert(seq);
                }
            }
            while let Some((seq, rank)) = self.lanes.start(|extension| self.roster.digest(extension).is_some()) {
                is_still = false;
                orders.extend(self.start(Seat { seq, rank }, now).map(Order::Run));
            }
            if is_still {
                self.go_on(&mut orders);
                return orders;
            }
        }
    }

    /// The call that this seat is for; `None` if it is not to be made any more.
    fn start(&mut self, seat: Seat, now: Instant) -> Option<Run> {
        let round = self.rounds.get_mut(&seat.seq).filter(|round| round.contest.is_waiting(&seat.rank));
        let listener = round.as_ref().and_then(|round| self.roster.listener(&seat.rank, &round.occurrence));
        let (Some(round), Some(listener)) = (round, listener) else {
            self.lanes.returned(&(seat.seq, seat.rank.clone()));
            // It has gone, or its newer version does not hear of this.
            if let Some(round) = self.rounds.get_mut(&seat.seq) {
                round.contest.answer(&seat.rank, Answer::Withdrawn);
                self.active.insert(seat.seq);
            }
            return None;
        };
        round.contest.grant(&seat.rank, listener.grants.clone());
        let wall = round.contest.open_until(&self.board).map(|deadline| deadline.saturating_duration_since(now));
        let (digest, handler) = (listener.digest, listener.handler.clone());
        self.called.insert(seat.clone(), digest);
        Some(Run { seat, digest, handler, occurrence: round.occurrence.clone(), wall })
    }

    fn count_failure(
        &mut self,
        extension: &ExtensionId,
        called: Option<Digest>,
        sentence: &str,
        now: Instant,
        orders: &mut Vec<Order>,
    ) {
        // What one that has gone still does is held against nobody, and what a version does not against the next one.
        let Some(digest) = called.filter(|called| self.roster.digest(extension) == Some(*called)) else { return };
        if self.failures.note(extension, digest, self.roster.wall(extension), now) {
            let (extension, reason) = (extension.clone(), sentence.to_owned());
            orders.push(Order::Quarantine(Quarantine { extension: extension.clone(), digest, reason }));
            let mut roster = std::mem::take(&mut self.roster);
            roster.fail(&extension, digest);
            self.adopt(roster);
        }
    }

    fn end(&mut self, seq: Seq) {
        let Some(round) = self.rounds.remove(&seq) else { return };
        let is_taken = |claim: &Claim| self.board.get(claim).is_some_and(|interaction| interaction.taken);
        if let Some(claim) = round.asks.filter(is_taken) {
            self.board.forget(&claim);
        }
        let behind = self.marks.iter().filter(|(extension, _)| self.backlogs.is_apart(extension));
        match (behind.map(|(_, marks)| marks.head()).min(), round.contest.into_taken()) {
            (None, _) => self.taken.clear(),
            (Some(least), Some(claims)) if seq > least => self.taken.remember(seq, claims, least),
            (Some(_), _) => {}
        }
    }
}

#[cfg(test)]
mod tests;
