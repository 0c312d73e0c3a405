//! The shared ring: the last entries of the stream, encoded once, for all readers at the head.
//!
//! It is bounded in frames and in bytes. Who falls out of it reads the log until it meets the ring again; the ring
//! knows from which row on it is complete. While nobody reads, it holds nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use codex_manager_model::Seq;
use codex_manager_model::limits::{RING_BYTES_MAX, RING_FRAMES_MAX};
use tokio::sync::{Notify, watch};

use super::entry::{Entry, Place};

/// The ring.
pub(super) struct Ring {
    inner: Mutex<Inner>,
    /// Counts changes; readers wait on it.
    changes: watch::Sender<u64>,
    /// Something that may be in here was deleted; whoever feeds it starts it anew.
    purge: Notify,
    frames_max: usize,
    bytes_max: usize,
}

/// A place between two entries, and how many ephemeral events were told before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    index: u64,
    pub(super) ephemerals: u64,
}

/// What is found at a spot.
pub(super) enum Found {
    /// An entry: where it stands among rows, how many ephemeral events were told before it, and the spot after it.
    Entry { entry: Arc<Entry>, row: Seq, ephemerals: u64, after: Spot },
    /// Nothing yet.
    End,
    /// Nothing any more.
    Lost,
    /// Nothing, ever again.
    Closed,
}

struct Inner {
    slots: VecDeque<Slot>,
    /// The index of the first slot.
    start: u64,
    frames: usize,
    bytes: usize,
    /// Every row after this one, up to `last`, is in the ring.
    floor: Seq,
    /// The last row that was pushed or passed over.
    last: Seq,
    /// How many ephemeral events were told or lost.
    ephemerals: u64,
    readers: usize,
    closed: bool,
}

struct Slot {
    entry: Arc<Entry>,
    /// The last row at that moment, the entry's own included.
    row: Seq,
    /// How many ephemeral events were told or lost before.
    ephemerals: u64,
}

impl Ring {
    /// An empty ring at the end of a log.
    pub(super) fn new(head: Seq) -> Self {
        Self::with_room(head, RING_FRAMES_MAX, RING_BYTES_MAX)
    }

    /// One with bounds of its own.
    pub(super) fn with_room(head: Seq, frames_max: usize, bytes_max: usize) -> Self {
        let inner = Inner {
            slots: VecDeque::new(),
            start: 0,
            frames: 0,
            bytes: 0,
            floor: head,
            last: head,
            ephemerals: 0,
            readers: 0,
            closed: false,
        };
        let (changes, purge) = (watch::Sender::new(0), Notify::new());
        Self { inner: Mutex::new(inner), changes, purge, frames_max, bytes_max }
    }

    /// One more reader. Gives how many ephemeral events were told before it came.
    pub(super) fn enter(&self) -> u64 {
        let mut inner = self.lock();
        inner.readers += 1;
        inner.ephemerals
    }

    /// One reader less.
    pub(super) fn leave(&self) {
        self.lock().readers -= 1;
    }

    /// Whether anybody reads.
    pub(super) fn has_readers(&self) -> bool {
        self.lock().readers > 0
    }

    /// The last row that was pushed or passed over.
    pub(super) fn last(&self) -> Seq {
        self.lock().last
    }

    /// Puts an entry at the end. [`Ring::announce`] wakes the readers.
    pub(super) fn push(&self, entry: Arc<Entry>) {
        let mut inner = self.lock();
        inner.push(entry);
        while inner.frames > self.frames_max || inner.bytes > self.bytes_max {
            inner.drop_oldest();
        }
    }

    /// Counts ephemeral events that were lost before they came here.
    pub(super) fn lose(&self, ephemerals: u64) {
        self.lock().ephemerals += ephemerals;
    }

    /// Goes on at `head` with nothing in the ring; whoever reads nevertheless finds it in the log.
    pub(super) fn pass(&self, head: Seq) {
        let mut inner = self.lock();
        inner.start += inner.slots.len() as u64;
        // Its room is given back too.
        inner.slots = VecDeque::new();
        (inner.frames, inner.bytes) = (0, 0);
        (inner.floor, inner.last) = (head, head);
    }

    /// Has everything in it forgotten, for something was deleted from the log. Readers find the rest there.
    pub(super) fn purge(&self) {
        self.purge.notify_one();
    }

    /// Resolves when [`Ring::purge`] was asked for since it last did.
    pub(super) async fn purged(&self) {
        self.purge.notified().await;
    }

    /// Ends it: readers get what is there, then the end.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.announce();
    }

    /// Wakes those who wait.
    pub(super) fn announce(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// What readers wait on.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The spot at which somebody who has read everything up to `row` joins; `None` when the ring does not reach back
    /// that far.
    pub(super) fn locate(&self, row: Seq) -> Option<Spot> {
        let inner = self.lock();
        if row < inner.floor {
            return None;
        }
        // Rows up to it have been read, and what was told beside earlier ones is over.
        let is_past = |slot: &Slot| match slot.entry.place {
            Place::Row(seq) => seq <= row,
            Place::Beside(_) => slot.row < row,
        };
        let offset = inner.slots.partition_point(is_past);
        let ephemerals = inner.slots.get(offset).map_or(inner.ephemerals, |slot| slot.ephemerals);
        Some(Spot { index: inner.start + offset as u64, ephemerals })
    }

    /// What is found at a spot.
    pub(super) fn get(&self, spot: Spot) -> Found {
        let inner = self.lock();
        let Some(offset) = spot.index.checked_sub(inner.start) else { return Found::Lost };
        let offset = usize::try_from(offset).expect("an offset within memory");
        match inner.slots.get(offset) {
            Some(slot) => {
                let told = slot.ephemerals + u64::from(slot.entry.row().is_none());
                let after = Spot { index: spot.index + 1, ephemerals: told };
                Found::Entry { entry: Arc::clone(&slot.entry), row: slot.row, ephemerals: slot.ephemerals, after }
            }
            None if inner.closed => Found::Closed,
            None => Found::End,
        }
    }

    /// Whether it was closed.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Nothing in here can be left half done: a panic elsewhere is no reason to stop.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn push(&mut self, entry: Arc<Entry>) {
        self.frames += entry.frames.len();
        self.bytes += entry.bytes();
        let ephemerals = self.ephemerals;
        match entry.place {
            Place::Row(seq) => self.last = seq,
            Place::Beside(_) => self.ephemerals += 1,
        }
        self.slots.push_back(Slot { entry, row: self.last, ephemerals });
    }

    fn drop_oldest(&mut self) {
        let Some(slot) = self.slots.pop_front() else { return };
        self.start += 1;
        self.frames -= slot.entry.frames.len();
        self.bytes -= slot.entry.bytes();
        if let Place::Row(seq) = slot.entry.place {
            self.floor = seq;
        }
    }
}
