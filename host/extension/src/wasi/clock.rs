//! The clock of one invocation.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

/// How far a look at the clock moves it, in nanoseconds.
const STEP_NS: u64 = 1000;

/// A clock that stands at the invocation's beginning and moves a little with each look at it: never back, never twice
/// the same, and the same again for the same invocation. What a guest waits for does take its time; the clock does not
/// show it.
pub(super) struct Clock {
    at: Duration,
    looks: AtomicU64,
}

impl Clock {
    pub(super) fn new(at: Timestamp) -> Self {
        Self { at: Duration::try_from(at.as_duration()).unwrap_or_default(), looks: AtomicU64::new(0) }
    }

    fn moved(&self) -> u64 {
        self.looks.fetch_add(1, Ordering::Relaxed).saturating_mul(STEP_NS)
    }
}

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(STEP_NS)
    }

    fn now(&self) -> Duration {
        self.at + Duration::from_nanos(self.moved())
    }
}

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        STEP_NS
    }

    fn now(&self) -> u64 {
        self.moved()
    }
}
