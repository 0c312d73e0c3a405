//! Retention: the log forgets its oldest events, never the numbers of those that remain.

use std::time::Duration;

use codex_manager_model::Seq;
use codex_manager_model::limits::PRUNE_EVENTS_MAX;
use jiff::Timestamp;

use crate::column::{Count, at, count, seq};
use crate::{Cursor, Error, Tx};

/// How long events are kept. They go oldest first, so an event also stays for as long as one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Events older than this go.
    pub age_max: Duration,
    /// While the log is larger than this, its oldest events go. In bytes.
    pub bytes_max: u64,
    /// Events that a named cursor has yet to read stay all the same, until the log is larger than this. In bytes.
    pub held_bytes_max: u64,
}

/// What one call removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// How many events.
    pub events: u64,
    /// How many bytes.
    pub bytes: u64,
    /// The bound of one call was reached; there may be more to remove.
    pub more: bool,
    /// The cursors that lost something they had yet to read.
    pub passed: Vec<Cursor>,
}

impl Tx<'_> {
    /// Removes what need not be kept, a bounded number of events a call.
    pub fn prune_events(&self, retention: &Retention, now: Timestamp) -> Result<Pruned, Error> {
        let cursors = self.cursors()?;
        let held_after = cursors.iter().map(|cursor| cursor.seq).min().unwrap_or(Seq(u64::MAX));
        let cutoff = now.checked_sub(retention.age_max).unwrap_or(Timestamp::MIN);
        let mut left = self.event_bounds()?.bytes;
        let mut pruned = Pruned { events: 0, bytes: 0, more: false, passed: Vec::new() };
        let mut last = None;
        for oldest in self.oldest_events()? {
            let over = left > retention.bytes_max || oldest.at < cutoff;
            let free = oldest.seq <= held_after || left > retention.held_bytes_max;
            if !(over && free) {
                break;
            }
            left -= oldest.bytes;
            pruned.bytes += oldest.bytes;
            pruned.events += 1;
            last = Some(oldest.seq);
        }
        if let Some(last) = last {
            pruned.more = pruned.events == u64::from(PRUNE_EVENTS_MAX);
            pruned.passed = cursors.into_iter().filter(|cursor| cursor.seq < last).collect();
            self.forget(last, pruned.bytes)?;
        }
        Ok(pruned)
    }

    fn oldest_events(&self) -> Result<Vec<Oldest>, Error> {
        self.all("SELECT seq, at, bytes FROM events ORDER BY seq LIMIT ?1", [PRUNE_EVENTS_MAX], |row| {
            Ok(Oldest { seq: seq(row, "seq")?, at: at(row, "at")?, bytes: count(row, "bytes")? })
        })
    }

    fn forget(&self, last: Seq, bytes: u64) -> Result<(), Error> {
        self.execute("DELETE FROM events WHERE seq <= ?1", [Count(last.0)])?;
        self.execute("UPDATE log SET bytes = bytes - ?1", [Count(bytes)])?;
        Ok(())
    }
}

/// What retention wants to know of an event.
struct Oldest {
    seq: Seq,
    at: Timestamp,
    bytes: u64,
}
