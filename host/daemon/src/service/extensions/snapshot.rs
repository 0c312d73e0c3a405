//! A name for what runs, which changes with it: clients compare it to see whether anything has.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;
use uuid::Uuid;

/// What runs, by a name of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Snapshot {
    /// The name. It never comes again.
    #[serde(rename = "snapshotVersion")]
    pub(crate) version: String,
    /// Since when.
    pub(crate) loaded_at: Timestamp,
}

/// The snapshot there is, and when it is over.
pub(super) struct Snapshots {
    /// Grows whenever something else runs.
    changes: watch::Receiver<u64>,
    held: Mutex<(u64, Snapshot)>,
}

impl Snapshots {
    pub(super) fn new(changes: watch::Receiver<u64>, now: Timestamp) -> Self {
        let held = (*changes.borrow(), Snapshot::fresh(now));
        Self { changes, held: Mutex::new(held) }
    }

    /// The snapshot of what runs now; a new one if that has changed since anybody asked.
    pub(super) fn now(&self, now: Timestamp) -> Snapshot {
        let changes = *self.changes.borrow();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.0 != changes {
            *held = (changes, Snapshot::fresh(now));
        }
        held.1.clone()
    }

    /// Begins another one, whether anything has changed or not.
    pub(super) fn renew(&self, now: Timestamp) -> Snapshot {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        *held = (*self.changes.borrow(), Snapshot::fresh(now));
        held.1.clone()
    }
}

impl Snapshot {
    fn fresh(now: Timestamp) -> Self {
        Self { version: Uuid::now_v7().to_string(), loaded_at: now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_lasts_until_something_else_runs() {
        let changes = watch::Sender::new(0);
        let at = |second| Timestamp::from_second(second).unwrap();
        let snapshots = Snapshots::new(changes.subscribe(), at(1));
        let first = snapshots.now(at(2));
        assert_eq!((first.loaded_at, snapshots.now(at(3))), (at(1), first.clone()));
        changes.send_modify(|count| *count += 1);
        let second = snapshots.now(at(4));
        assert_eq!(second.loaded_at, at(4));
        assert_ne!(second.version, first.version);
        let third = snapshots.renew(at(5));
        assert_ne!(third.version, second.version);
        assert_eq!(snapshots.now(at(6)), third);
    }
}
