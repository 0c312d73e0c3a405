//! Events beside the log: token and output deltas, progress. They are never written, never numbered with the log, and
//! gone when nobody listens.
//!
//! A bounded ring holds the last of them. A reader that falls out of it is told how many it missed; what was said is
//! durable within moments, and the log is where to read it.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use codex_manager_model::limits::{
    EPHEMERAL_BYTES_MAX, EPHEMERAL_EVENTS_MAX, LATEST_BYTES_MAX, LATEST_EVENTS_MAX, SESSIONS_FORGOTTEN_MAX,
};
use codex_manager_model::{Seq, SessionId, TurnId};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

/// An event that is told and not kept.
#[derive(Debug, Clone, PartialEq)]
pub struct EphemeralEvent {
    /// What happens.
    pub kind: String,
    /// The session it concerns.
    pub session: Option<SessionId>,
    /// The turn it concerns.
    pub turn: Option<TurnId>,
    /// Whether its session is a worker's. It is for those who ask for that session by name.
    pub of_worker: bool,
    /// What there is to say about it.
    pub payload: Value,
    /// When.
    pub at: Timestamp,
    /// The durable event that must be told before this one.
    pub after: Seq,
    /// Of those with the same key only the latest matters; it is kept for whoever comes later.
    pub key: Option<String>,
}

/// The ring. Clones are the same ring.
#[derive(Clone)]
pub struct Ephemeral {
    shared: Arc<Mutex<Shared>>,
    end: watch::Sender<u64>,
}

/// One reader's place in the ring.
pub struct EphemeralReader {
    shared: Arc<Mutex<Shared>>,
    end: watch::Receiver<u64>,
    next: u64,
}

/// A reader was too slow, or what it was to be told was larger than the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{skipped} ephemeral events were skipped")]
pub struct Lagged {
    /// How many events it will never see.
    pub skipped: u64,
}

impl Ephemeral {
    /// An empty ring.
    pub fn new() -> Self {
        let shared = Shared {
            ring: Shelf::new(EPHEMERAL_EVENTS_MAX, EPHEMERAL_BYTES_MAX),
            latest: Shelf::new(LATEST_EVENTS_MAX, LATEST_BYTES_MAX),
            forgotten: VecDeque::new(),
        };
        Self { shared: Arc::new(Mutex::new(shared)), end: watch::Sender::new(0) }
    }

    /// Tells an event to all who read.
    pub fn publish(&self, event: EphemeralEvent) {
        let mut shared = lock(&self.shared);
        if event.session.as_ref().is_some_and(|session| shared.forgotten.contains(session)) {
            return;
        }
        let index = *self.end.borrow();
        let key = event.key.clone();
        let entry = Entry { index, bytes: size(&event), event: Some(Arc::new(event)) };
        if let Some(key) = &key {
            shared.latest.take_out(key);
            shared.latest.push(entry.clone());
        }
        shared.ring.push(entry);
        self.end.send_replace(index + 1);
    }

    /// Forgets a session that was deleted: what was told of it goes, and nothing more is told. Who has not read it yet
    /// reads nothing in its place.
    pub fn forget(&self, session: &SessionId) {
        let mut shared = lock(&self.shared);
        shared.forgotten.push_back(session.clone());
        if shared.forgotten.len() > SESSIONS_FORGOTTEN_MAX {
            shared.forgotten.pop_front();
        }
        let is_of_it =
            |entry: &Entry| entry.event.as_ref().is_some_and(|event| event.session.as_ref() == Some(session));
        shared.latest.entries.retain(|entry| !is_of_it(entry));
        shared.latest.bytes = shared.latest.entries.iter().map(|entry| entry.bytes).sum();
        // A reader counts the places, so those stay.
        shared.ring.entries.iter_mut().filter(|entry| is_of_it(entry)).for_each(|entry| entry.event = None);
    }

    /// Reads from now on.
    pub fn subscribe(&self) -> EphemeralReader {
        let end = self.end.subscribe();
        let next = *end.borrow();
        EphemeralReader { shared: Arc::clone(&self.shared), end, next }
    }

    /// The latest event of each key, the oldest first; as many as fit a bound of their own.
    pub fn latest(&self) -> Vec<Arc<EphemeralEvent>> {
        lock(&self.shared).latest.entries.iter().filter_map(|entry| entry.event.clone()).collect()
    }
}

impl Default for Ephemeral {
    fn default() -> Self {
        Self::new()
    }
}

impl EphemeralReader {
    /// The next event, as soon as there is one; `None` when the ring is gone. Nothing is lost when it is cancelled.
    ///
    /// # Errors
    ///
    /// [`Lagged`], once, if events have been missed; the next call goes on after them.
    pub async fn recv(&mut self) -> Option<Result<Arc<EphemeralEvent>, Lagged>> {
        loop {
            self.end.borrow_and_update();
            if let Some(next) = self.try_recv() {
                return Some(next);
            }
            self.end.changed().await.ok()?;
        }
    }

    /// The next event, if there is one by now.
    ///
    /// # Errors
    ///
    /// [`Lagged`], as [`EphemeralReader::recv`] says.
    pub fn try_recv(&mut self) -> Option<Result<Arc<EphemeralEvent>, Lagged>> {
        let shared = lock(&self.shared);
        let end = *self.end.borrow();
        let first = shared.ring.entries.front().map_or(end, |entry| entry.index);
        if self.next < first {
            let skipped = first - self.next;
            self.next = first;
            return Some(Err(Lagged { skipped }));
        }
        loop {
            let place = usize::try_from(self.next - first).expect("a place in the ring");
            let event = shared.ring.entries.get(place)?.event.clone();
            self.next += 1;
            if let Some(event) = event {
                return Some(Ok(event));
            }
        }
    }
}

struct Shared {
    ring: Shelf,
    latest: Shelf,
    /// Sessions of which nothing is told any more: those last deleted. What the child still has to say of one is over
    /// long before so many others are deleted.
    forgotten: VecDeque<SessionId>,
}

/// Events in order, of which the oldest fall off at the end of the room.
struct Shelf {
    entries: VecDeque<Entry>,
    bytes: usize,
    events_max: usize,
    bytes_max: usize,
}

#[derive(Clone)]
struct Entry {
    index: u64,
    bytes: usize,
    /// `None` where its session has been deleted.
    event: Option<Arc<EphemeralEvent>>,
}

impl Shelf {
    fn new(events_max: usize, bytes_max: usize) -> Self {
        Self { entries: VecDeque::new(), bytes: 0, events_max, bytes_max }
    }

    fn push(&mut self, entry: Entry) {
        self.bytes += entry.bytes;
        self.entries.push_back(entry);
        while self.entries.len() > self.events_max || self.bytes > self.bytes_max {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.bytes;
        }
    }

    /// Takes out the event of that key.
    fn take_out(&mut self, key: &str) {
        let has_key = |entry: &Entry| entry.event.as_ref().is_some_and(|event| event.key.as_deref() == Some(key));
        if let Some(place) = self.entries.iter().position(has_key) {
            self.bytes -= self.entries.remove(place).map_or(0, |entry| entry.bytes);
        }
    }
}

/// Nothing in here can be left half done: a panic elsewhere is no reason to stop.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// About what the event takes: its text, measured without being kept.
fn size(event: &EphemeralEvent) -> usize {
    let mut payload = Measure(0);
    serde_json::to_writer(&mut payload, &event.payload).expect("JSON can be written and a measure takes it all");
    payload.0 + event.kind.len() + event.key.as_ref().map_or(0, String::len)
}

struct Measure(usize);

impl io::Write for Measure {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0 += text.len();
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
