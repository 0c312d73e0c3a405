//! The processor time of one invocation.
//!
//! It is the thread's own clock, added up around each poll: what a guest waits in a call of the host costs it nothing,
//! and neither does a machine that is busy with something else. Ticks of the engine could not tell that apart.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A meter. Clones are the same meter.
#[derive(Clone, Default)]
pub(crate) struct Meter(Arc<Inner>);

#[derive(Default)]
struct Inner {
    used_ns: AtomicU64,
    /// What the thread's clock said when the present poll began.
    since_ns: AtomicU64,
}

impl Meter {
    /// Runs a future and measures each of its polls.
    pub(crate) async fn measure<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        std::future::poll_fn(|context| {
            self.0.since_ns.store(thread_ns(), Ordering::Relaxed);
            let polled: Poll<F::Output> = future.as_mut().poll(context);
            let used = self.used_in_poll();
            self.0.used_ns.fetch_add(used, Ordering::Relaxed);
            polled
        })
        .await
    }

    /// What was used until now. To be asked from within a poll.
    pub(crate) fn used_now(&self) -> Duration {
        Duration::from_nanos(self.0.used_ns.load(Ordering::Relaxed) + self.used_in_poll())
    }

    /// What was used by all polls that are over.
    pub(crate) fn used(&self) -> Duration {
        Duration::from_nanos(self.0.used_ns.load(Ordering::Relaxed))
    }

    fn used_in_poll(&self) -> u64 {
        thread_ns().saturating_sub(self.0.since_ns.load(Ordering::Relaxed))
    }
}

fn thread_ns() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanoseconds) = (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
    seconds * 1_000_000_000 + nanoseconds
}
