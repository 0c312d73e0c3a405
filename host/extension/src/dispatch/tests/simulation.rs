//! Dispatch under anything at all: whatever order answers come in, and whatever the host says, some things hold.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;

use super::stage::page;
use super::*;
use crate::Verdict;

/// What happens next. Numbers choose among what is there.
#[derive(Debug, Clone)]
enum Step {
    Offer { knock: bool, session: u8 },
    Answer { which: usize, what: u8 },
    Read { which: usize, events: usize },
    Roster { versions: [Version; 3] },
    Commit { which: usize, committed: Committed },
    Person { which: u64 },
    Time { millis: u64 },
}

/// Which version of an extension can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    None,
    Before,
    Approved,
}

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![1 => Just(Version::None), 1 => Just(Version::Before), 2 => Just(Version::Approved)]
}

fn step() -> impl Strategy<Value = Step> {
    let committed = prop_oneof![
        8 => Just(Committed::Applied), 1 => Just(Committed::NotEligible), 1 => Just(Committed::Refused),
        1 => Just(Committed::Conflict)
    ];
    prop_oneof![
        3 => (any::<bool>(), 0..2_u8).prop_map(|(knock, session)| Step::Offer { knock, session }),
        6 => (any::<usize>(), 0..9_u8).prop_map(|(which, what)| Step::Answer { which, what }),
        3 => (any::<usize>(), 1..4_usize).prop_map(|(which, events)| Step::Read { which, events }),
        1 => [version(), version(), version()].prop_map(|versions| Step::Roster { versions }),
        6 => (any::<usize>(), committed).prop_map(|(which, committed)| Step::Commit { which, committed }),
        1 => (1..12_u64).prop_map(|which| Step::Person { which }),
        1 => (1..1500_u64).prop_map(|millis| Step::Time { millis }),
    ]
}

/// The dispatch with everything that is under way, and what has been seen.
struct World {
    dispatch: Dispatch,
    now: Instant,
    seq: u64,
    log: Vec<Occurrence>,
    /// What can be called.
    serving: BTreeSet<ExtensionId>,
    running: Vec<Run>,
    reading: Vec<Read>,
    committing: Vec<Settle>,
    offered: BTreeSet<Seat>,
    settled: BTreeMap<Seat, Settled>,
    /// By claim, who was told that its group applies.
    applied: BTreeMap<Claim, Vec<(Seat, Option<Verdict>)>>,
    /// Who has answered, and not failed.
    answered: BTreeSet<Seat>,
    /// The last event of each session that an extension was called for in its order.
    last: BTreeMap<(ExtensionId, Option<String>), Seq>,
    /// Questions that are no longer pending, as a store has it.
    resolved: BTreeSet<Claim>,
    declined: BTreeSet<Claim>,
    barred: BTreeSet<Claim>,
    opened: BTreeMap<Seq, Instant>,
}

/// Made once: there are thousands of these worlds.
static EXTENSIONS: LazyLock<[Approved; 3]> = LazyLock::new(|| {
    [
        approved("a.must", 5, &[SHUT, LAMP]),
        approved("a.one", 1, &[OPEN, SHUT, LAMP, BELL]),
        approved("a.two", 1, &[OPEN, LAMP]),
    ]
});

impl World {
    fn new() -> Self {
        let mut dispatch = dispatch(roster(&*EXTENSIONS, &["a.must"]));
        // Two events each.
        dispatch.backlogs = Backlogs::new(Share { seats: 6, bytes: usize::MAX });
        dispatch.backlogs.adopt(EXTENSIONS.iter().map(|approved| &approved.id));
        Self {
            dispatch,
            now: Instant::now(),
            seq: 0,
            log: vec![],
            serving: EXTENSIONS.iter().map(|approved| approved.id.clone()).collect(),
            running: vec![],
            reading: vec![],
            committing: vec![],
            offered: BTreeSet::new(),
            settled: BTreeMap::new(),
            applied: BTreeMap::new(),
            answered: BTreeSet::new(),
            last: BTreeMap::new(),
            resolved: BTreeSet::new(),
            declined: BTreeSet::new(),
            barred: BTreeSet::new(),
            opened: BTreeMap::new(),
        }
    }

    fn take(&mut self, step: Step) {
        let orders = match step {
            Step::Offer { knock, session } => {
                self.seq += 1;
                let kind = if knock { "door.knocked" } else { "window.opened" };
                if knock {
                    self.opened.insert(Seq(self.seq), self.now);
                }
                for (id, priority) in [("a.must", 5), ("a.one", 1), ("a.two", 1)] {
                    let rank = Rank { priority, extension: id.parse().expect("an id"), registration: 0 };
                    self.offered.insert(Seat { seq: Seq(self.seq), rank });
                }
                let event = event(self.seq, kind, &session.to_string());
                self.log.push(event.clone());
                self.dispatch.offer(event, self.now)
            }
            Step::Read { which, events } if !self.reading.is_empty() => {
                let read = self.reading.swap_remove(which % self.reading.len());
                self.read(&read, events)
            }
            Step::Roster { versions } => self.replace(versions),
            Step::Answer { which, what } if !self.running.is_empty() => {
                let run = self.running.swap_remove(which % self.running.len());
                self.answer(&run, what)
            }
            Step::Commit { which, committed } if !self.committing.is_empty() => {
                let settle = self.committing.swap_remove(which % self.committing.len());
                self.commit(&settle, committed)
            }
            Step::Person { which } => {
                let claim = Claim::new(format!("knock:{which}"));
                self.resolved.insert(claim.clone());
                self.dispatch.resolved(&claim, self.now)
            }
            Step::Time { millis } => {
                self.now += Duration::from_millis(millis);
                self.dispatch.tick(self.now)
            }
            Step::Answer { .. } | Step::Commit { .. } | Step::Read { .. } => vec![],
        };
        self.see(orders);
    }

    /// What the log says, and what of it is pending still.
    fn read(&mut self, read: &Read, events: usize) -> Vec<Order> {
        let mut page = page(&self.log, read, events);
        for occurrence in &mut page.events {
            let claim = Claim::new(format!("knock:{}", occurrence.event.header.seq));
            occurrence.pending = !self.resolved.contains(&claim);
        }
        self.dispatch.caught_up(read, page, self.now)
    }

    fn replace(&mut self, versions: [Version; 3]) -> Vec<Order> {
        let serving = EXTENSIONS.iter().zip(versions).filter(|(_, version)| *version != Version::None);
        let serving: Vec<_> = serving
            .map(|(approved, version)| match version {
                Version::Before => Approved { digest: Digest::of(b"before"), ..approved.clone() },
                _ => approved.clone(),
            })
            .collect();
        self.serving = serving.iter().map(|approved| approved.id.clone()).collect();
        let roster = roster_serving(&*EXTENSIONS, &["a.must"], &serving.iter().collect::<Vec<_>>());
        self.dispatch.replace(roster, self.now)
    }

    fn answer(&mut self, run: &Run, what: u8) -> Vec<Order> {
        let seq = run.seat.seq.to_string();
        let before = run.seat.seq.0.saturating_sub(1).to_string();
        let actions = match what {
            0 => vec![],
            1 => vec![act(OPEN, &seq)],
            2 => vec![act(SHUT, &seq)],
            3 => vec![act(LAMP, "hall")],
            4 => vec![act(SHUT, &seq), act(LAMP, "hall")],
            5 => vec![act(OPEN, &before)],
            6 => vec![act(BELL, "")],
            7 => {
                let unavailable = Answered::Unavailable { sentence: "no room".to_owned() };
                return self.dispatch.answered(&run.seat, unavailable, self.now);
            }
            _ => {
                // The failures are not fatal, so that nobody is quarantined and all seats are known.
                let failed = Answered::Failed { sentence: "no".to_owned(), fatal: false };
                self.bar(run, true);
                return self.dispatch.answered(&run.seat, failed, self.now);
            }
        };
        let refused = actions.iter().any(|action| !run_may(run, &action.kind));
        self.bar(run, refused);
        if !refused && self.dispatch.expects(&run.seat) {
            self.answered.insert(run.seat.clone());
        }
        if run_may(run, SHUT) && actions.iter().any(|action| action.kind == SHUT) && self.dispatch.expects(&run.seat) {
            self.declined.insert(Claim::new(format!("knock:{seq}")));
        }
        self.dispatch.answered(&run.seat, Answered::Actions(actions), self.now)
    }

    /// Notes that the required decider has failed about a knock.
    fn bar(&mut self, run: &Run, failed: bool) {
        let required = run.seat.rank.extension.as_str() == "a.must";
        if failed && required && self.opened.contains_key(&run.seat.seq) && self.dispatch.expects(&run.seat) {
            self.barred.insert(Claim::new(format!("knock:{}", run.seat.seq)));
        }
    }

    fn commit(&mut self, settle: &Settle, committed: Committed) -> Vec<Order> {
        let committed = match &settle.settled {
            Settled::Apply(_) => committed,
            Settled::Abstained if committed == Committed::Conflict => committed,
            _ => Committed::Applied,
        };
        if committed == Committed::Conflict {
            // It was not the end after all.
            self.settled.remove(&settle.seat);
        }
        if matches!(committed, Committed::Conflict | Committed::Refused) {
            self.applied.values_mut().for_each(|seats| seats.retain(|(seat, _)| *seat != settle.seat));
        }
        if let (Settled::Apply(group), Committed::Applied | Committed::NotEligible) = (&settle.settled, committed) {
            self.resolved.extend(group.claims.keys().cloned());
        }
        self.dispatch.committed(&settle.seat, committed, self.now)
    }

    fn see(&mut self, orders: Vec<Order>) {
        for order in orders {
            match order {
                Order::Quarantine(_) => panic!("nothing fatal happens here"),
                Order::Read(read) => self.reading.push(read),
                Order::Run(run) => self.see_run(run),
                Order::Settle(settle) => self.see_settle(settle),
            }
        }
    }

    fn see_run(&mut self, run: Run) {
        let session = &run.occurrence.event.header.session;
        let same = |other: &&Run| {
            let is_knock = self.opened.contains_key(&other.seat.seq) || self.opened.contains_key(&run.seat.seq);
            other.seat.rank == run.seat.rank && other.occurrence.event.header.session == *session && !is_knock
        };
        assert!(self.running.iter().find(same).is_none(), "two events of one session at once: {run:?}");
        assert!(!self.settled.contains_key(&run.seat), "called after it was settled: {run:?}");
        assert!(self.serving.contains(&run.seat.rank.extension), "it cannot be called: {run:?}");
        if !self.opened.contains_key(&run.seat.seq) {
            let last = self.last.entry((run.seat.rank.extension.clone(), session.clone())).or_default();
            assert!(*last <= run.seat.seq, "after a later one of its session: {run:?}");
            *last = run.seat.seq;
        }
        self.running.push(run);
    }

    fn see_settle(&mut self, settle: Settle) {
        let seat = settle.seat.clone();
        if let Settled::Apply(group) = &settle.settled {
            for (claim, verdict) in &group.claims {
                if *verdict == Some(Verdict::Accept) {
                    assert!(!self.declined.contains(claim), "{claim} was declined");
                    assert!(!self.barred.contains(claim), "{claim} was barred");
                    self.assert_heard(claim);
                }
                self.applied.entry(claim.clone()).or_default().push((seat.clone(), *verdict));
            }
        }
        if settle.settled == Settled::Late {
            let in_time = self.now < self.opened[&seat.seq] + Duration::from_secs(2);
            assert!(!in_time, "late before its time: {seat:?}");
        }
        assert!(settle.settled != Settled::Withdrawn, "nobody has gone: {settle:?}");
        assert!(self.settled.insert(seat, settle.settled.clone()).is_none(), "settled twice: {settle:?}");
        self.committing.push(settle);
    }

    /// Nobody accepts without the word of a decider that cannot be called now, unless its time to give it is over.
    fn assert_heard(&self, claim: &Claim) {
        let seq = Seq(claim.as_str().trim_start_matches("knock:").parse().expect("a number"));
        for approved in EXTENSIONS.iter().filter(|approved| !self.serving.contains(&approved.id)) {
            let is = |seat: &&Seat| seat.seq == seq && seat.rank.extension == approved.id;
            let heard = self.answered.iter().find(is).or_else(|| self.settled.keys().find(is));
            assert!(heard.is_some(), "{claim} was accepted without {}", approved.id);
        }
    }

    /// Lets everything that is under way come to its end.
    fn finish(&mut self) {
        self.take(Step::Roster { versions: [Version::Approved; 3] });
        for _ in 0..10_000 {
            let step = if !self.running.is_empty() {
                Step::Answer { which: 0, what: 0 }
            } else if !self.reading.is_empty() {
                Step::Read { which: 0, events: 3 }
            } else if !self.committing.is_empty() {
                Step::Commit { which: 0, committed: Committed::Applied }
            } else if let Some(wake) = self.dispatch.wake_at() {
                assert!(wake > self.now, "what could be done was not done");
                let millis = wake.duration_since(self.now).as_millis();
                Step::Time { millis: u64::try_from(millis).expect("soon") + 1 }
            } else {
                return;
            };
            self.take(step);
        }
        panic!("it does not come to an end");
    }
}

/// What the extensions of this world were given.
fn run_may(run: &Run, kind: &str) -> bool {
    match run.seat.rank.extension.name() {
        "must" => [SHUT, LAMP].contains(&kind),
        "one" => true,
        _ => [OPEN, LAMP].contains(&kind),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_each_call_is_settled_once_and_a_claim_has_one_owner(steps in vec(step(), 0..80)) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        world.finish();
        prop_assert_eq!(world.settled.keys().cloned().collect::<BTreeSet<_>>(), world.offered, "each once, and all");
        for (claim, owners) in &world.applied {
            let knock = claim.as_str().starts_with("knock");
            // A lamp may be switched again by the next event.
            let events: BTreeSet<_> = owners.iter().map(|(seat, _)| seat.seq).collect();
            prop_assert!(owners.len() == if knock { 1.min(owners.len()) } else { events.len() }, "{}: {:?}", claim, owners);
        }
        for extension in ["a.must", "a.one", "a.two"] {
            prop_assert_eq!(world.dispatch.low(&id(extension)), Some(Seq(world.seq)), "everything is done");
        }
        prop_assert!(world.dispatch.rounds.is_empty() && world.dispatch.active.is_empty());
    }

    #[test]
    fn who_wins_does_not_depend_on_who_answers_first(
        answers in vec(0..7_u8, 3), orders in Just(vec![0, 1, 2]).prop_shuffle(), knock: bool,
    ) {
        let outcome = |order: &[usize]| {
            let mut world = World::new();
            world.take(Step::Offer { knock, session: 0 });
            let mut runs = std::mem::take(&mut world.running);
            runs.sort_by(|a, b| a.seat.cmp(&b.seat));
            for which in order {
                let orders = world.answer(&runs[*which], answers[*which]);
                world.see(orders);
            }
            world.finish();
            world.settled
        };
        prop_assert_eq!(outcome(&[0, 1, 2]), outcome(&orders));
    }
}
