//! Dispatch: who is told of which event, when, and what becomes of what they ask for.
//!
//! Deciding is pure. A [`Dispatch`] is told what happened (an event, an answer, the time) and says what is to be done
//! next, as [`Order`]s. It calls nobody, waits for nobody and keeps nothing on a disk: a [`Driver`] does that, with an
//! embedder's [`Host`].
//!
//! - Events of one session reach an extension in order; sessions do not wait for each other; a pending interaction
//!   overtakes what came before it.
//! - The groups that answer one event are applied in the order of their [`Rank`]s. Where two claim the same, the first
//!   one has it, and the other is not eligible as a whole.
//! - An interaction is open until all its deciders have answered, for at most two seconds. Then declines come before
//!   accepts. If a required decider has failed, is late or does not run, nobody but a person accepts.
//! - One extension has so many calls under way and no more; pending interactions are not counted, and wait for none.
//! - Each call ends in exactly one [`Settle`], which the host records with its mark.

mod board;
mod contest;
mod drive;
mod failures;
mod group;
mod lanes;
mod marks;
mod order;
mod rank;
mod roster;
mod round;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use codex_manager_model::Seq;
use codex_manager_model::limits::{
    EXTENSION_CONFLICTS_MAX, EXTENSION_CRASH_RERUNS_MAX, EXTENSION_DECIDE, EXTENSION_ROUNDS_BYTES_MAX,
    EXTENSION_ROUNDS_MAX, HOPS_MAX,
};

use crate::{Claim, ClaimRule, Digest, ExtensionId, Vocabulary};
use board::Board;
use contest::{Answer, Contest, Entrant};
use failures::Failures;
use lanes::Lanes;
use round::Round;

pub use contest::{Committed, Settled};
pub use drive::{Driver, Host, News};
pub use group::{CheckedAction, Group, Refused};
pub use marks::Marks;
pub use order::{Answered, Occurrence, Order, Quarantine, Run, Seat, Settle};
pub use rank::Rank;
pub use roster::{Listener, Roster, Serving};

/// All events under way, and what is known of those before.
pub struct Dispatch {
    vocabulary: Arc<Vocabulary>,
    roster: Roster,
    marks: BTreeMap<ExtensionId, Marks>,
    rounds: BTreeMap<Seq, Round>,
    /// How many bytes of payload they have together.
    rounds_bytes: usize,
    lanes: Lanes,
    /// The code of each call that has not returned.
    called: BTreeMap<Seat, Digest>,
    board: Board,
    failures: Failures,
    /// The last event that was offered in its order.
    head: Seq,
}

impl Dispatch {
    /// A dispatch for a host that understands `vocabulary`. An extension goes on after its marks; one that has none
    /// starts after `head`, the end of the log.
    pub fn new(vocabulary: Arc<Vocabulary>, roster: Roster, marks: BTreeMap<ExtensionId, Marks>, head: Seq) -> Self {
        let mut dispatch = Self {
            vocabulary,
            roster: Roster::default(),
            marks,
            rounds: BTreeMap::new(),
            rounds_bytes: 0,
            lanes: Lanes::default(),
            called: BTreeMap::new(),
            board: Board::default(),
            failures: Failures::default(),
            head,
        };
        dispatch.adopt(roster);
        dispatch.head = dispatch.marks.values().map(Marks::low).min().unwrap_or(head);
        dispatch
    }

    /// The event after which the next one is to be offered.
    pub const fn head(&self) -> Seq {
        self.head
    }

    /// Whether another event may be offered in its order. Those that overtake always may.
    pub fn has_room(&self) -> bool {
        self.rounds.len() < EXTENSION_ROUNDS_MAX && self.rounds_bytes < EXTENSION_ROUNDS_BYTES_MAX
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
        self.rounds.values().filter_map(|round| round.contest.deadline(&self.board)).min()
    }

    /// Tells of the next event. Events come in the order of the log.
    pub fn offer(&mut self, occurrence: Occurrence, now: Instant) -> Vec<Order> {
        let seq = Seq(occurrence.event.header.seq);
        let mut orders = Vec::new();
        // One that overtook and is under way is no news.
        if !self.rounds.contains_key(&seq) {
            self.begin(occurrence, now, &mut orders);
        }
        self.head = self.head.max(seq);
        for (extension, marks) in &mut self.marks {
            marks.pass(seq, self.rounds.get(&seq).is_some_and(|round| round.is_open_for(extension)));
        }
        self.proceed(now, orders)
    }

    /// Tells of a pending interaction before its turn. It is offered again in its turn.
    pub fn overtake(&mut self, occurrence: Occurrence, now: Instant) -> Vec<Order> {
        let seq = Seq(occurrence.event.header.seq);
        let mut orders = Vec::new();
        if seq > self.head && !self.rounds.contains_key(&seq) {
            self.begin(occurrence, now, &mut orders);
        }
        self.proceed(now, orders)
    }

    /// Takes what a call came to. What comes after its seat was settled is dropped.
    pub fn answered(&mut self, seat: &Seat, answered: Answered, now: Instant) -> Vec<Order> {
        self.lanes.returned(&(seat.seq, seat.rank.clone()));
        let called = self.called.remove(seat);
        let mut failure = None;
        let answer = match answered {
            Answered::Actions(actions) => {
                let round = self.rounds.get(&seat.seq);
                let grants = round.and_then(|round| round.grants.get(&seat.rank)).cloned().unwrap_or_default();
                match Group::of(&actions, &grants, &self.vocabulary) {
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
        };
        if let Some(round) = self.rounds.get_mut(&seat.seq) {
            round.contest.answer(&seat.rank, answer);
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
        if round.contest.committed(&seat.rank, committed, &mut self.board) {
            match round.count_conflict(&seat.rank) {
                count if count > 2 * EXTENSION_CONFLICTS_MAX => {
                    let how = format!("what {} read changed each time before it could write", seat.rank.extension);
                    round.contest.answer(&seat.rank, Answer::Failed(how));
                }
                count if count > EXTENSION_CONFLICTS_MAX => self.lanes.again_alone(seated),
                _ if round.asks.is_some() => self.lanes.pass(seated),
                _ => self.lanes.again(seated),
            }
            return self.proceed(now, Vec::new());
        }
        round.open.remove(&seat.rank);
        self.lanes.done(round.session(), &seated);
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
    /// unless their extension does not run any more. One that is new starts with the next event.
    pub fn replace(&mut self, roster: Roster, now: Instant) -> Vec<Order> {
        self.adopt(roster);
        self.proceed(now, Vec::new())
    }

    fn adopt(&mut self, roster: Roster) {
        self.marks.retain(|extension, _| roster.has(extension));
        for extension in roster.enabled() {
            let fresh = || Marks::starting_after(roster.place(extension, self.head), []);
            self.marks.entry(extension.clone()).or_insert_with(fresh);
        }
        self.roster = roster;
        for round in self.rounds.values_mut() {
            for rank in round.open.iter().filter(|rank| !self.roster.has(&rank.extension)) {
                round.contest.answer(rank, Answer::Withdrawn);
            }
        }
    }

    /// Opens a round for those who hear this event.
    fn begin(&mut self, occurrence: Occurrence, now: Instant, orders: &mut Vec<Order>) {
        let asks = self.asks(&occurrence);
        let listeners = self.listeners(&occurrence);
        let mut seats = BTreeMap::new();
        for (rank, listener) in &listeners {
            let decides = asks.as_ref().is_some_and(|(_, rule)| listener.decides(rule, &self.vocabulary));
            let kind = &occurrence.event.header.kind;
            let needs = |(_, rule): &(_, ClaimRule)| self.roster.needs(&rank.extension, kind, rule, &self.vocabulary);
            seats.insert(rank.clone(), Entrant::new(decides, decides && asks.as_ref().and_then(needs).is_some()));
        }
        // Whoever read that it is pending may have read it before it was resolved.
        let pending = asks.as_ref().filter(|(claim, _)| occurrence.pending && !self.board.is_resolved(claim));
        if let Some((claim, rule)) = pending {
            let kind = &occurrence.event.header.kind;
            let asked = listeners.iter().map(|(rank, _)| rank.extension.clone()).collect();
            let barred = self.roster.barred(kind, rule, &self.vocabulary, &asked);
            self.board.open(claim, barred, listeners.is_empty());
        }
        let (asks, pending) = (asks.is_some(), pending.map(|(claim, _)| claim.clone()));
        if listeners.is_empty() {
            return;
        }
        let contest = Contest::new(seats, pending.clone().map(|claim| (claim, now + EXTENSION_DECIDE)));
        let seq = Seq(occurrence.event.header.seq);
        let ranks: BTreeSet<_> = listeners.into_iter().map(|(rank, _)| rank).collect();
        let mut round = Round::new(Arc::new(occurrence), pending, contest, ranks.clone());
        for rank in ranks {
            self.seat(&mut round, (seq, rank), asks, now, orders);
        }
        self.rounds_bytes += round.bytes();
        self.rounds.insert(seq, round);
    }

    /// Puts one listener into its lane, or says at once why it is not called.
    fn seat(&mut self, round: &mut Round, seated: (Seq, Rank), asks: bool, now: Instant, orders: &mut Vec<Order>) {
        let extension = seated.1.extension.clone();
        let begun = round.occurrence.begun.get(&extension).copied().unwrap_or(0);
        if asks && round.asks.is_none() {
            round.contest.answer(&seated.1, Answer::Expired);
        } else if begun > EXTENSION_CRASH_RERUNS_MAX {
            let how = format!("the host ended {begun} times while {extension} was dealing with it");
            round.contest.answer(&seated.1, Answer::Failed(how.clone()));
            self.count_failure(&extension, self.roster.digest(&extension), &how, now, orders);
        } else if asks {
            self.lanes.pass(seated);
        } else {
            self.lanes.queue(round.session(), seated);
        }
    }

    /// What an event asks, if it asks something.
    fn asks(&self, occurrence: &Occurrence) -> Option<(Claim, ClaimRule)> {
        let rule = self.vocabulary.event(&occurrence.event.header.kind)?.interaction.clone()?;
        let payload = serde_json::from_str(&occurrence.event.payload).ok()?;
        Some((rule.of(&payload)?, rule))
    }

    /// Who is told of an event: whoever hears its kind, has not caused it, and is not done with it.
    fn listeners(&self, occurrence: &Occurrence) -> Vec<(Rank, Listener)> {
        let header = &occurrence.event.header;
        if header.hops >= u32::from(HOPS_MAX) {
            return Vec::new();
        }
        let hears = |(rank, listener): &(&Rank, &Listener)| {
            let done = self.marks.get(&rank.extension).is_some_and(|marks| marks.is_done(Seq(header.seq)));
            listener.hears(occurrence, &rank.extension) && !done
        };
        let listeners = self.roster.listeners.iter().filter(hears);
        listeners.map(|(rank, listener)| (rank.clone(), listener.clone())).collect()
    }

    /// Starts and settles whatever can be, until nothing can.
    fn proceed(&mut self, now: Instant, mut orders: Vec<Order>) -> Vec<Order> {
        loop {
            let mut is_still = true;
            // First what is to be recorded: whoever is to run alone waits for it.
            for (seq, round) in &mut self.rounds {
                for (rank, settled) in round.contest.advance(&mut self.board, now) {
                    is_still = false;
                    self.lanes.issued((*seq, rank.clone()));
                    orders.push(Order::Settle(Settle { seat: Seat { seq: *seq, rank }, settled }));
                }
            }
            while let Some((seq, rank)) = self.lanes.start() {
                is_still = false;
                orders.extend(self.start(Seat { seq, rank }, now).map(Order::Run));
            }
            if is_still {
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
            }
            return None;
        };
        round.grants.insert(seat.rank.clone(), listener.grants.clone());
        let wall = round.contest.deadline(&self.board).map(|deadline| deadline.saturating_duration_since(now));
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
        if self.failures.note(extension, digest, now) {
            let (extension, reason) = (extension.clone(), sentence.to_owned());
            orders.push(Order::Quarantine(Quarantine { extension: extension.clone(), digest, reason }));
            let mut roster = std::mem::take(&mut self.roster);
            roster.fail(&extension, digest);
            self.adopt(roster);
        }
    }

    fn end(&mut self, seq: Seq) {
        let Some(round) = self.rounds.remove(&seq) else { return };
        self.rounds_bytes -= round.bytes();
        let is_taken = |claim: &Claim| self.board.get(claim).is_some_and(|interaction| interaction.taken);
        if let Some(claim) = round.asks.filter(is_taken) {
            self.board.forget(&claim);
        }
    }
}

#[cfg(test)]
mod tests;
