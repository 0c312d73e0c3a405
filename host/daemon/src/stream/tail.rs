//! The tail: follows the log and what passes beside it, and feeds the ring.
//!
//! An ephemeral event is published after the row before it was committed, and before the row after it is. So the log
//! is read first and the ephemeral events are fetched then: those that belong before a row are there by the time the
//! row is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use codex_manager_model::Seq;
use codex_manager_model::limits::EPHEMERAL_EVENTS_MAX;
use codex_manager_store::{Ephemeral, EphemeralEvent, EphemeralReader, Error, Lagged, Store};
use tokio::sync::watch;

use super::entry::Entry;
use super::frames;
use super::log::{Measure, Page, page};
use super::ring::Ring;

/// How long to wait after the log could not be read.
const RETRY_DELAY: Duration = Duration::from_millis(250);

/// Runs until the store is closed.
pub(super) async fn run(store: &Store, ephemeral: &Ephemeral, ring: &Ring) {
    let mut tail = Tail { store, ring, head: store.head(), beside: ephemeral.subscribe(), waiting: VecDeque::new() };
    while tail.wait().await {
        while let Err(error) = tail.follow().await {
            if matches!(error, Error::Closed) {
                return;
            }
            tracing::error!(error = &error as &dyn std::error::Error, "the log cannot be read; trying again");
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }
}

struct Tail<'a> {
    store: &'a Store,
    ring: &'a Ring,
    head: watch::Receiver<Seq>,
    beside: EphemeralReader,
    /// Ephemeral events that were fetched and whose row was not pushed yet.
    waiting: VecDeque<Beside>,
}

/// What comes from beside the log.
enum Beside {
    Event(Arc<EphemeralEvent>),
    Lost(u64),
}

impl Tail<'_> {
    /// Waits until there may be something new. `false` when the store is closed.
    async fn wait(&mut self) -> bool {
        tokio::select! {
            // What is there was read before something in it was deleted, and nothing is being read now.
            () = self.ring.purged() => {
                self.pass(self.ring.last());
                true
            }
            changed = self.head.changed() => changed.is_ok(),
            // The ring of ephemeral events lives as long as the stream.
            Some(next) = self.beside.recv() => {
                self.waiting.push_back(next.into());
                true
            }
        }
    }

    /// Pushes all that is new, in order.
    async fn follow(&mut self) -> Result<(), Error> {
        loop {
            let head = *self.head.borrow_and_update();
            if !self.ring.has_readers() {
                self.pass(head);
                return Ok(());
            }
            let entries = if self.ring.last() < head { self.read().await? } else { Vec::new() };
            self.fetch();
            self.push(entries);
            self.ring.announce();
            // What still waits belongs after a row to come, and that wakes us.
            if self.ring.last() >= head {
                return Ok(());
            }
        }
    }

    /// Nobody reads: nothing is encoded, and nothing kept.
    fn pass(&mut self, head: Seq) {
        loop {
            self.fetch();
            let lost = self.waiting.drain(..).map(|beside| beside.count()).sum();
            self.ring.lose(lost);
            if lost == 0 {
                break;
            }
        }
        self.ring.pass(head.max(self.ring.last()));
        self.ring.announce();
    }

    /// The next rows. Encoding is work, and it is done where the reading is done, off the async threads.
    async fn read(&self) -> Result<Vec<Arc<Entry>>, Error> {
        let last = self.ring.last();
        match self.store.read(move |view| page(view, last, None, &Measure::OF_READERS)).await? {
            Page::Rows { entries, .. } => Ok(entries),
            Page::Expired(bounds) => {
                tracing::warn!(%last, head = %bounds.head, "retention has passed the head of the stream");
                self.ring.pass(bounds.head);
                Ok(Vec::new())
            }
        }
    }

    fn fetch(&mut self) {
        while self.waiting.len() < EPHEMERAL_EVENTS_MAX
            && let Some(next) = self.beside.try_recv()
        {
            self.waiting.push_back(next.into());
        }
    }

    /// Before each row what belongs before it, and after the last one what belongs there.
    fn push(&mut self, entries: Vec<Arc<Entry>>) {
        for entry in entries {
            self.push_beside_up_to(self.ring.last());
            self.ring.push(entry);
        }
        self.push_beside_up_to(self.ring.last());
    }

    fn push_beside_up_to(&mut self, row: Seq) {
        while self.waiting.front().is_some_and(|beside| beside.is_due(row)) {
            match self.waiting.pop_front() {
                Some(Beside::Event(event)) => self.ring.push(Arc::new(frames::of_ephemeral(&event))),
                Some(Beside::Lost(count)) => self.ring.lose(count),
                None => {}
            }
        }
    }
}

impl Beside {
    fn is_due(&self, row: Seq) -> bool {
        match self {
            Self::Event(event) => event.after <= row,
            Self::Lost(_) => true,
        }
    }

    fn count(&self) -> u64 {
        match self {
            Self::Event(_) => 1,
            Self::Lost(count) => *count,
        }
    }
}

impl From<Result<Arc<EphemeralEvent>, Lagged>> for Beside {
    fn from(next: Result<Arc<EphemeralEvent>, Lagged>) -> Self {
        match next {
            Ok(event) => Self::Event(event),
            Err(Lagged { skipped }) => Self::Lost(skipped),
        }
    }
}
