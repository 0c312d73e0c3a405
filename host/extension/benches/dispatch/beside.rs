//! What a neighbour notices of an extension that does harm: how long each event takes it, alone and beside it, in turn.
//!
//! Turns of the two alternate. What does harm is told of every event, before or after the neighbour, and begins anew in
//! each turn; whenever it is quarantined, it is approved again, so that it never leaves. What it has under way at the end
//! of a turn is ended, so that the neighbour is alone in the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, ready};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use codex_manager_extension::dispatch::{
    Answered, Committed, Dispatch, Driver, Host, News, Occurrence, Page, Quarantine, Read, Roster, Run, Serving, Settle,
};
use codex_manager_extension::{
    Action, ActionKind, Approved, Component, Digest, Engine, Event, EventKind, ExtensionId, Grants, Header, Limits,
    Linked, Manifest, Record, Registry, Standing, capability,
};
use codex_manager_model::{Actor, Seq};
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::figures::machine;
use crate::guard::build;

/// How many events each side is told of in one run.
const EVENTS: usize = 1_000;
/// How many of them in one turn.
const TURN: usize = 50;
const RUNS: usize = 5;
/// What one that does harm may cost its neighbour at most.
const MORE_MAX: Duration = Duration::from_millis(20);
/// In how many sessions the events are.
const SESSIONS: u64 = 10;
const KIND: &str = "app_server.turn.completed";
const ROW: &str = "transcript.upsert";
const NEIGHBOUR: &str = "obeys";
const HOSTILE: [(&str, &str); 4] = [
    ("waits", "sleeps on a timer"),
    ("spins", "computes"),
    ("hoards", "fills its memory"),
    ("floods", "floods the log"),
];

/// An extension, built, linked and approved.
#[derive(Clone)]
struct Guest {
    approved: Approved,
    linked: Linked,
}

/// Extensions that are told of events, and somebody who waits for one of them.
struct Street {
    guests: BTreeMap<ExtensionId, Linked>,
    /// The last event that was told.
    told: Arc<AtomicU64>,
    /// When the neighbour's group would be committed.
    settled: mpsc::UnboundedSender<Instant>,
    quarantined: mpsc::UnboundedSender<ExtensionId>,
}

/// Measures beside each that does harm.
pub(crate) fn measure(engine: &Engine, scratch: &Path) {
    let guest = |name| Guest::build(engine, scratch, name);
    let neighbour = match guest(NEIGHBOUR) {
        Ok(neighbour) => neighbour,
        Err(why) => return eprintln!("SKIPPED: the guests cannot be built here: {why}"),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    for (name, what) in HOSTILE {
        let hostile = guest(name).expect("the first one could be built");
        machine();
        let mut more = Vec::new();
        for run in 1..=RUNS {
            let (alone, beside) = runtime.block_on(in_turn(&neighbour, &hostile));
            more.push(beside.as_secs_f64() - alone.as_secs_f64());
            println!("beside    one that {what}, run {run}: p99 {} alone, {} beside it", millis(alone), millis(beside));
        }
        more.sort_by(f64::total_cmp);
        println!(
            "beside    one that {what}: p99 {:+.2} ms, the median of {RUNS} runs (at most +{})",
            more[RUNS / 2] * 1000.0,
            millis(MORE_MAX),
        );
    }
}

/// The neighbour's p99 of one run, alone and beside.
async fn in_turn(neighbour: &Guest, hostile: &Guest) -> (Duration, Duration) {
    let (one, both) = ([neighbour.clone()], [neighbour.clone(), hostile.clone()]);
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for round in 0..EVENTS / TURN {
        // Neither side is always the one that finds the caches warm.
        if round % 2 == 0 {
            turn(&one, &mut alone).await;
            turn(&both, &mut beside).await;
        } else {
            turn(&both, &mut beside).await;
            turn(&one, &mut alone).await;
        }
    }
    (p99(alone), p99(beside))
}

/// Tells these of some events, one after the other, each when the neighbour has done with the one before.
async fn turn(guests: &[Guest], took: &mut Vec<Duration>) {
    let ((settled, mut done), (quarantined, mut failing)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
    let told = Arc::new(AtomicU64::new(0));
    let linked = guests.iter().map(|guest| (guest.approved.id.clone(), guest.linked.clone())).collect();
    let street = Street { guests: linked, told: Arc::clone(&told), settled, quarantined };
    let mut approved: Vec<_> = guests.iter().map(|guest| guest.approved.clone()).collect();
    let vocabulary = Arc::new(registry().vocabulary().clone());
    let dispatch = Dispatch::new(vocabulary, roster(&approved), BTreeMap::new(), Seq(0));
    let ((send, events), (tell, news)) = (mpsc::channel(16), mpsc::channel(16));
    let driven = tokio::spawn(Driver::new(dispatch, Arc::new(street)).run(events, news));
    for seq in 1..=TURN as u64 {
        let begun = Instant::now();
        told.store(seq, Ordering::Release);
        send.send(occurrence(seq)).await.expect("it listens");
        took.push(done.recv().await.expect("it is settled").duration_since(begun));
        while let Ok(id) = failing.try_recv() {
            approve_again(&mut approved, &id, seq);
            tell.send(News::Replaced(Box::new(roster(&approved)))).await.expect("it listens");
        }
    }
    driven.abort();
    drop(driven.await);
}

/// Other code under the same id has not failed.
fn approve_again(approved: &mut [Approved], id: &ExtensionId, seq: u64) {
    let again = approved.iter_mut().filter(|approved| approved.id == *id);
    again.for_each(|approved| approved.digest = Digest::of(&seq.to_be_bytes()));
}

fn roster(approved: &[Approved]) -> Roster {
    Roster::of(approved, &BTreeSet::new(), &Serving::all(approved))
}

fn registry() -> Registry {
    let row = ActionKind { sentence: "put a row into a transcript".to_owned(), ..ActionKind::default() };
    Registry::new().event(KIND, EventKind::default()).action(ROW, row).capability(capability::log::Log)
}

fn occurrence(seq: u64) -> Occurrence {
    let header = Header {
        id: format!("log-1:{seq}"),
        seq,
        kind: KIND.to_owned(),
        session: Some((seq % SESSIONS).to_string()),
        turn: Some("turn_1".to_owned()),
        at_ms: 1_700_000_000_000,
        caused_by: None,
        hops: 0,
    };
    let payload = r#"{"signal":{}}"#.to_owned();
    Occurrence { event: Event { header, payload }, by: None, pending: false, begun: BTreeMap::new() }
}

fn p99(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took[took.len() * 99 / 100]
}

fn millis(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1000.0)
}

impl Guest {
    fn build(engine: &Engine, scratch: &Path, name: &str) -> Result<Self, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests/hostile").join(name);
        let component = scratch.join(name).with_extension("wasm");
        let text = build(&folder, &component)?;
        let registry = registry();
        let manifest = Manifest::parse(&text, registry.vocabulary()).expect("it is good");
        let component = Component::compile(engine, &std::fs::read(component).expect("it was built"));
        let component = component.expect("it compiles");
        let (grants, limits) = (Grants::asked_by(&manifest), Limits::default().within(&manifest.limits));
        let (id, granted) = (manifest.id.clone(), grants.capabilities.clone());
        let linked =
            Linked::new(engine, &registry, &component, id, granted, limits).expect("it imports what it asks for");
        let approved = Approved {
            id: manifest.id,
            version: manifest.version,
            digest: component.digest(),
            by: Actor::User,
            at: Timestamp::UNIX_EPOCH,
            standing: Standing::Enabled,
            grants,
            predecessor: None,
        };
        Ok(Self { approved, linked })
    }
}

impl Host for Street {
    type Remains = ();

    fn call(&self, run: Run) -> impl Future<Output = (Answered, ())> + Send + 'static {
        let linked = self.guests[&run.seat.rank.extension].clone();
        async move {
            let record = Record { id: run.seat.seq.to_string(), at: Timestamp::now(), seed: [7; 32] };
            let outcome: Result<Vec<Action>, _> = linked.on_event(&run.occurrence.event, &record).await.outcome;
            (outcome.into(), ())
        }
    }

    fn commit(&self, settle: Settle, _: Option<()>) -> impl Future<Output = Committed> + Send + 'static {
        if settle.seat.rank.extension.name() == NEIGHBOUR {
            // Whoever waited for it may have gone at the end.
            let _ = self.settled.send(Instant::now());
        }
        ready(Committed::Applied)
    }

    fn quarantine(&self, quarantine: Quarantine) -> impl Future<Output = bool> + Send + 'static {
        let _ = self.quarantined.send(quarantine.extension);
        ready(true)
    }

    fn read(&self, read: Read) -> impl Future<Output = Page> + Send + 'static {
        let end = self.told.load(Ordering::Acquire).min(read.after.0 + 16);
        ready(Page { events: (read.after.0 + 1..=end).map(occurrence).collect(), end: Seq(end) })
    }

    fn advance(&self, _: BTreeMap<ExtensionId, Seq>) -> impl Future<Output = ()> + Send + 'static {
        ready(())
    }
}
