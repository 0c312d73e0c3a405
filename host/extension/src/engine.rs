//! The engine: what holds the places in which components run.
//!
//! One engine is enough for a program. It knows nothing of extensions, grants or events, and it cannot compile.

mod pool;
pub(crate) mod settings;
mod ticker;
mod turns;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use codex_manager_model::limits;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, SemaphorePermit};

use self::ticker::{Running, Ticker};
pub(crate) use self::turns::Turn;
use self::turns::Turns;
use crate::{CompileFault, Digest};

/// How an engine is made.
#[derive(Debug, Clone)]
pub struct Config {
    /// How many invocations may run at once; further ones wait. One that may use more memory than is usual counts as
    /// several, so that all of them together stay within this number times the usual. An eighth of them, up to
    /// [`EXTENSION_INVOCATIONS_RESERVED`](limits::EXTENSION_INVOCATIONS_RESERVED), is kept for those that somebody waits for;
    /// of the others one extension has half at most.
    pub invocations_max: u32,
}

/// An engine. Clones are the same engine.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

/// How places for instances are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allocation {
    /// All address space was set aside at the start: an instance costs microseconds.
    Pooled,
    /// The machine does not give that much address space, so each instance asks for its own. Slower, otherwise equal.
    OnDemand {
        /// What the machine said.
        reason: String,
    },
}

/// Which code an engine can run: that of the same id. It changes with the version of the engine, with its settings and
/// with the machine's processor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct EngineId(pub(crate) Digest);

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The engine does not run on this machine.
    #[error("no WebAssembly engine runs on this machine")]
    Unsupported(#[source] wasmtime::Error),
    /// The thread that measures time could not be started.
    #[error("the thread that interrupts extensions could not be started")]
    Ticker(#[source] std::io::Error),
}

struct Inner {
    engine: wasmtime::Engine,
    allocation: Allocation,
    ticker: Ticker,
    places: Semaphore,
    places_max: u32,
    /// Places that only those take for whom somebody waits.
    reserved: Semaphore,
    reserved_max: u32,
    /// The shares of those that are linked, by the extension's id.
    shares: Mutex<HashMap<String, Weak<Parts>>>,
    turns: Turns,
    id: EngineId,
}

impl fmt::Display for EngineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self { invocations_max: limits::EXTENSION_INVOCATIONS_MAX }
    }
}

impl Config {
    /// Makes the engine: from a pool, or without one where the machine has not the address space for it.
    ///
    /// # Errors
    ///
    /// [`EngineError`], when there is no engine at all.
    pub fn build(self) -> Result<Engine, EngineError> {
        let (engine, allocation) = match running(&pool::pooled(settings::shared(true), self.invocations_max)) {
            Ok(engine) => (engine, Allocation::Pooled),
            Err(error) => {
                let engine = running(&settings::shared(false)).map_err(EngineError::Unsupported)?;
                (engine, Allocation::OnDemand { reason: format!("{error:#}") })
            }
        };
        let compiling = settings::compiling(allocation == Allocation::Pooled).map_err(EngineError::Unsupported)?;
        let id = settings::identity(&compiling);
        let ticker = Ticker::start(engine.weak()).map_err(EngineError::Ticker)?;
        let reserved_max = limits::EXTENSION_INVOCATIONS_RESERVED.min(self.invocations_max / 8);
        let places_max = self.invocations_max - reserved_max;
        let [places, reserved] = [places_max, reserved_max].map(|places| Semaphore::new(places as usize));
        let shares = Mutex::default();
        let turns = Turns::new();
        let inner = Inner { engine, allocation, ticker, places, places_max, reserved, reserved_max, shares, turns, id };
        Ok(Engine(Arc::new(inner)))
    }
}

/// An engine that runs what was compiled elsewhere. It has no compiler, so that nothing can make it compile.
fn running(settings: &wasmtime::Config) -> wasmtime::Result<wasmtime::Engine> {
    wasmtime::Engine::new(settings.clone().enable_compiler(false))
}

impl Engine {
    /// How places for instances are made; told in the host's health.
    pub fn allocation(&self) -> &Allocation {
        &self.0.allocation
    }

    /// Which code it can run.
    pub fn id(&self) -> EngineId {
        self.0.id
    }

    pub(crate) fn is_pooled(&self) -> bool {
        self.0.allocation == Allocation::Pooled
    }

    /// The engine below, for whoever makes a linker of their own. It has no compiler.
    pub fn wasmtime(&self) -> &wasmtime::Engine {
        &self.0.engine
    }

    /// Another engine, which compiles for this one.
    pub(crate) fn compiling(&self) -> Result<wasmtime::Engine, CompileFault> {
        settings::compiling(self.is_pooled()).map_err(|error| CompileFault::Unfit(format!("{error:#}")))
    }

    /// The part of the places that may be taken under this name: half of them, and of those that are reserved. All who go by one name have one share.
    pub(crate) fn share(&self, name: &str) -> Share {
        let mut shares = self.0.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let known = shares.get(name).and_then(Weak::upgrade);
        let part = |places| Semaphore::new(half(places) as usize);
        let (common, reserved) = (part(self.0.places_max), part(self.0.reserved_max));
        let share = known.unwrap_or_else(|| Arc::new(Parts { common, reserved }));
        shares.retain(|_, share| share.strong_count() > 0);
        shares.insert(name.to_owned(), Arc::downgrade(&share));
        Share(share)
    }

    /// Waits for a place to run in with that much memory at most, within the share; one that is `urgent` also for those
    /// that are reserved. While it is held, time is measured.
    pub(crate) async fn place<'a>(&'a self, share: &'a Share, memory_bytes: usize, urgent: bool) -> Place<'a> {
        let counts_as = u32::try_from(memory_bytes.div_ceil(limits::EXTENSION_MEMORY_BYTES)).unwrap_or(u32::MAX).max(1);
        let Inner { places, places_max, reserved, reserved_max, ticker, .. } = self.0.as_ref();
        // In an engine of few places, one that counts as more than its share takes its share, and all that it needs.
        let take = async |own: &'a Semaphore, of: &'a Semaphore, most: u32| {
            let own = own.acquire_many(counts_as.min(half(most))).await;
            (of.acquire_many(counts_as.min(most)).await, own)
        };
        let (permit, own) = tokio::select! {
            biased;
            taken = take(&share.0.common, places, *places_max) => taken,
            taken = take(&share.0.reserved, reserved, *reserved_max), if urgent && counts_as <= *reserved_max => taken,
        };
        const OPEN: &str = "the places are never closed";
        Place { _permit: permit.expect(OPEN), _own: own.expect(OPEN), _running: ticker.running() }
    }

    /// The turns of one invocation that may compute for long.
    pub(crate) fn turn(&self) -> Turn {
        self.0.turns.turn()
    }
}

/// The most of these places that one name may take.
fn half(places: u32) -> u32 {
    (places / 2).max(1)
}

/// How many places may be taken under one name.
#[derive(Clone)]
pub(crate) struct Share(Arc<Parts>);

/// What may be taken under one name at once.
struct Parts {
    common: Semaphore,
    reserved: Semaphore,
}

/// A place to run in, given back when it is dropped.
pub(crate) struct Place<'a> {
    _permit: SemaphorePermit<'a>,
    /// What it takes of its share.
    _own: SemaphorePermit<'a>,
    _running: Running<'a>,
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn without_address_space_the_engine_works_and_says_so() {
        let engine = Config { invocations_max: 1_000_000 }.build().expect("an engine");
        let Allocation::OnDemand { reason } = engine.allocation() else { panic!("that much cannot be set aside") };
        assert!(!reason.is_empty());
    }

    #[tokio::test]
    async fn who_may_use_more_memory_takes_more_places() {
        let engine = Config { invocations_max: 3 }.build().expect("an engine");
        let share = engine.share("a.one");
        let left = |_: &Place<'_>| engine.0.places.available_permits();
        assert_eq!(left(&engine.place(&share, 1, false).await), 2);
        assert_eq!(left(&engine.place(&share, limits::EXTENSION_MEMORY_BYTES, false).await), 2);
        assert_eq!(left(&engine.place(&share, limits::EXTENSION_MEMORY_BYTES + 1, false).await), 1);
        assert_eq!(left(&engine.place(&share, usize::MAX, true).await), 0, "all of them, rather than none ever");
    }

    #[tokio::test]
    async fn one_extension_takes_half_of_the_places_in_whatever_version_and_leaves_the_rest() {
        let engine = Config { invocations_max: 32 }.build().expect("an engine");
        let (old, new, other) = (engine.share("a.one"), engine.share("a.one"), engine.share("a.two"));
        let mut held = Vec::new();
        for share in [&old, &new].into_iter().cycle() {
            let Some(place) = engine.place(share, limits::EXTENSION_MEMORY_BYTES_MAX, false).now_or_never() else {
                break;
            };
            held.push(place);
        }
        assert_eq!(held.len(), 3, "each counts as four of its fourteen");
        assert!(engine.place(&new, limits::EXTENSION_MEMORY_BYTES_MAX, true).now_or_never().is_some(), "kept for such");
        assert!(engine.place(&other, limits::EXTENSION_MEMORY_BYTES_MAX, false).now_or_never().is_some());
        held.clear();
        assert!(engine.place(&old, 1, false).now_or_never().is_some());
    }

    #[tokio::test]
    async fn who_is_waited_for_finds_a_place_when_the_others_have_taken_theirs() {
        let engine = Config { invocations_max: 16 }.build().expect("an engine");
        let (one, other) = (engine.share("a.one"), engine.share("a.two"));
        let _all = engine.place(&one, usize::MAX, false).await;
        assert!(engine.place(&other, 1, false).now_or_never().is_none(), "they are two fewer than there are");
        let _first = engine.place(&other, 1, true).now_or_never().expect("a place was kept for it");
        let large = engine.place(&other, limits::EXTENSION_MEMORY_BYTES + 1, true);
        assert!(large.now_or_never().is_none(), "there is one left, and it counts as two");
        assert!(engine.place(&other, 1, true).now_or_never().is_none(), "it has its half of those that are kept");
        let third = engine.share("a.three");
        let _second = engine.place(&third, 1, true).now_or_never().expect("whoever no longer waits leaves it");
    }
}
