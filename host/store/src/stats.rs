//! What the store has done since it was opened.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Figures for metrics and benchmarks, since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Transactions committed, each with one sync of the disk.
    pub commits: u64,
    /// Operations committed. Divided by `commits`: how many shared a sync.
    pub operations: u64,
    /// Events committed.
    pub events: u64,
    /// Whether the disk, or the bound on the store, refused the last transaction.
    pub refuses: bool,
    /// Operations that wait for the writer now.
    pub queue_depth: usize,
}

/// The same, as they are counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    commits: AtomicU64,
    operations: AtomicU64,
    events: AtomicU64,
    refuses: AtomicBool,
}

impl Counters {
    /// Counts a transaction. One in which everything was rolled back synced nothing and does not count.
    pub(crate) fn committed(&self, operations: u64, events: u64) {
        self.commits.fetch_add(u64::from(operations > 0), Ordering::Relaxed);
        self.operations.fetch_add(operations, Ordering::Relaxed);
        self.events.fetch_add(events, Ordering::Relaxed);
    }

    /// Whether the disk took the last transaction.
    pub(crate) fn refused(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, queue_depth: usize) -> Stats {
        Stats {
            commits: self.commits.load(Ordering::Relaxed),
            operations: self.operations.load(Ordering::Relaxed),
            events: self.events.load(Ordering::Relaxed),
            refuses: self.refuses.load(Ordering::Relaxed),
            queue_depth,
        }
    }
}
