//! The engine: what holds the places in which components run.
//!
//! One engine is enough for a program. It knows nothing of extensions, grants or events, and it cannot compile.

mod pool;
pub(crate) mod settings;
mod ticker;

use std::fmt;
use std::sync::Arc;

use codex_manager_model::limits;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, SemaphorePermit};

use self::ticker::{Running, Ticker};
use crate::{CompileFault, Digest};

/// How an engine is made.
#[derive(Debug, Clone)]
pub struct Config {
    /// How many invocations may run at once; further ones wait. One that may use more memory than is usual counts as
    /// several, so that all of them together stay within this number times the usual. An eighth of them, up to
    /// [`EXTENSION_INVOCATIONS_RESERVED`](limits::EXTENSION_INVOCATIONS_RESERVED), is kept for those that somebody waits for.
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
        let inner = Inner { engine, allocation, ticker, places, places_max, reserved, reserved_max, id };
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

    /// Waits for a place to run in with that much memory at most; one that is `urgent` also for those that are reserved.
    /// While it is held, time is measured.
    pub(crate) async fn place(&self, memory_bytes: usize, urgent: bool) -> Place<'_> {
        let counts_as = u32::try_from(memory_bytes.div_ceil(limits::EXTENSION_MEMORY_BYTES)).unwrap_or(u32::MAX).max(1);
        let Inner { places, places_max, reserved, reserved_max, ticker, .. } = self.0.as_ref();
        let permit = tokio::select! {
            biased;
            permit = places.acquire_many(counts_as.min(*places_max)) => permit,
            permit = reserved.acquire_many(counts_as), if urgent && counts_as <= *reserved_max => permit,
        };
        Place { _permit: permit.expect("the places are never closed"), _running: ticker.running() }
    }
}

/// A place to run in, given back when it is dropped.
pub(crate) struct Place<'a> {
    _permit: SemaphorePermit<'a>,
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
        let left = |_: &Place<'_>| engine.0.places.available_permits();
        assert_eq!(left(&engine.place(1, false).await), 2);
        assert_eq!(left(&engine.place(limits::EXTENSION_MEMORY_BYTES, false).await), 2);
        assert_eq!(left(&engine.place(limits::EXTENSION_MEMORY_BYTES + 1, false).await), 1);
        assert_eq!(left(&engine.place(usize::MAX, true).await), 0, "all of them, rather than none ever");
    }

    #[tokio::test]
    async fn who_is_waited_for_finds_a_place_when_the_others_have_taken_theirs() {
        let engine = Config { invocations_max: 16 }.build().expect("an engine");
        let _all = engine.place(usize::MAX, false).await;
        assert!(engine.place(1, false).now_or_never().is_none(), "they are two fewer than there are");
        let _first = engine.place(1, true).now_or_never().expect("a place was kept for it");
        let large = engine.place(limits::EXTENSION_MEMORY_BYTES + 1, true);
        assert!(large.now_or_never().is_none(), "there is one left, and it counts as two");
        let _second = engine.place(1, true).now_or_never().expect("whoever no longer waits leaves it");
    }
}
