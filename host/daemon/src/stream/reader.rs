//! One client's way through the stream.
//!
//! A reader has a cursor and nothing else: at the head it shares the ring's entries, behind it it holds one page of the
//! log. Calling [`Reader::next`] says that what came before was written.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use codex_manager_model::Seq;
use codex_manager_store::Error;
use tokio::sync::watch;

use super::entry::{Entry, Place};
use super::log::{Measure, Page, page};
use super::places::Place as Standing;
use super::ring::{Found, Ring, Spot};
use super::{Filter, Stream, floor, frames};

/// How long to wait after the log could not be read.
const RETRY_DELAY: Duration = Duration::from_millis(250);

/// What comes next.
#[derive(Debug)]
pub(crate) enum Next {
    /// An event with frames for this reader.
    Entry(Arc<Entry>),
    /// Retention has passed the cursor; this is the oldest row that is left.
    Expired(Seq),
    /// The stream ends, because the daemon does.
    Closed,
}

/// A reader of the stream.
pub(crate) struct Reader {
    stream: Stream,
    filter: Filter,
    changes: watch::Receiver<u64>,
    /// Everything up to here has been handed out or was not wanted.
    position: Seq,
    /// The first row handed out since [`Reader::next`] was last called.
    under_way: Option<Seq>,
    /// The same, for whoever looks from outside.
    standing: Standing,
    /// How many ephemeral events were told before what comes next.
    ephemerals: u64,
    /// Where it stands in the ring; `None` while it reads the log.
    spot: Option<Spot>,
    /// What was fetched and not handed out.
    fetched: VecDeque<Arc<Entry>>,
    /// Where the fetched page of the log ends.
    page_end: Seq,
}

/// How reading the log went.
enum Read {
    /// There is more to come.
    On,
    /// What comes next is gone; this is the oldest row that is left.
    Expired(Seq),
}

impl Reader {
    pub(super) fn new(stream: Stream, after: Seq, filter: Filter) -> Self {
        let ephemerals = stream.0.ring.enter();
        Self {
            changes: stream.0.ring.changes(),
            standing: stream.0.places.enter(after),
            stream,
            filter,
            position: after,
            under_way: None,
            ephemerals,
            spot: None,
            fetched: VecDeque::new(),
            page_end: after,
        }
    }

    /// What this reader wants.
    pub(crate) fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Wants something else from now on.
    pub(crate) fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
        if self.spot.is_none() {
            // The page was fetched for the old filter.
            self.fetched.clear();
            self.page_end = self.position;
        }
    }

    /// The last row that needs not be sent again: all before what is under way.
    pub(crate) fn cursor(&self) -> Seq {
        self.under_way.map_or(self.position, |row| Seq(row.0 - 1))
    }

    /// What comes next, as soon as it does. Nothing is lost when it is cancelled.
    pub(crate) async fn next(&mut self) -> Next {
        self.under_way = None;
        self.standing.set(self.position);
        loop {
            self.changes.borrow_and_update();
            if let Some(entry) = self.more() {
                return Next::Entry(entry);
            }
            match self.spot.map(|spot| self.ring().get(spot)) {
                None if self.ring().is_closed() => return Next::Closed,
                Some(Found::Closed) => return Next::Closed,
                None => {
                    if let Read::Expired(oldest) = self.read().await {
                        return Next::Expired(oldest);
                    }
                }
                // The ring lives as long as the stream, of which this is a part.
                Some(_) => drop(self.changes.changed().await),
            }
        }
    }

    /// What can be handed out without waiting, to be written together with what came before.
    pub(crate) fn more(&mut self) -> Option<Arc<Entry>> {
        loop {
            let entry = match self.fetched.pop_front() {
                Some(entry) => {
                    self.pass(&entry);
                    entry
                }
                None => match self.ring_entry()? {
                    Some(entry) => entry,
                    None => continue,
                },
            };
            if entry.frames_for(&self.filter).next().is_some() {
                if self.under_way.is_none() {
                    self.under_way = entry.row();
                }
                return Some(entry);
            }
        }
    }

    /// The next entry of the ring: `None` when there is none now, `Some(None)` when it is not for now.
    fn ring_entry(&mut self) -> Option<Option<Arc<Entry>>> {
        let Some(spot) = self.spot else {
            let spot = self.ring().locate(self.position)?;
            self.join(spot);
            return Some(None);
        };
        match self.ring().get(spot) {
            Found::Entry { ephemerals, .. } if ephemerals > self.ephemerals => {
                self.tell_gap(ephemerals);
                Some(None)
            }
            Found::Entry { entry, row, after, .. } => {
                self.spot = Some(after);
                self.ephemerals = self.ephemerals.max(after.ephemerals);
                let is_new = match entry.place {
                    Place::Row(seq) => seq > self.position,
                    Place::Beside(_) => row >= self.position,
                };
                if !is_new {
                    return Some(None);
                }
                self.pass(&entry);
                Some(Some(entry))
            }
            Found::Lost => {
                self.spot = None;
                Some(None)
            }
            Found::End | Found::Closed => None,
        }
    }

    fn join(&mut self, spot: Spot) {
        if spot.ephemerals > self.ephemerals {
            self.tell_gap(spot.ephemerals);
        }
        self.spot = Some(spot);
    }

    /// Says how many ephemeral events were skipped, and gives the latest of those of which only the latest matters. One
    /// that belongs after a later row is still to come.
    fn tell_gap(&mut self, ephemerals: u64) {
        let skipped = ephemerals - self.ephemerals;
        self.ephemerals = ephemerals;
        self.fetched.push_back(Arc::new(frames::of_gap(skipped, self.position)));
        let latest = self.stream.0.ephemeral.latest();
        let due = latest.iter().filter(|event| event.after <= self.position);
        self.fetched.extend(due.map(|event| Arc::new(frames::of_ephemeral(event))));
    }

    /// Fetches a page of the log.
    async fn read(&mut self) -> Read {
        let (after, filter) = (self.position, self.filter.clone());
        match self.stream.0.store.read(move |view| page(view, after, Some(&filter), &Measure::OF_READERS)).await {
            Ok(Page::Rows { entries, end, .. }) => {
                self.page_end = end;
                if entries.is_empty() {
                    self.position = end;
                }
                self.fetched.extend(entries);
                Read::On
            }
            Ok(Page::Expired(bounds)) => Read::Expired(floor(&bounds).next()),
            Err(Error::Closed) => {
                // The tail notices too, and closes the ring.
                drop(self.changes.changed().await);
                Read::On
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the log cannot be read; trying again");
                tokio::time::sleep(RETRY_DELAY).await;
                Read::On
            }
        }
    }

    /// Moves past an entry. After a page's last one come the rows at its end that nobody wants.
    fn pass(&mut self, entry: &Entry) {
        if let Some(seq) = entry.row() {
            self.position = seq;
        }
        if self.fetched.is_empty() {
            self.position = self.position.max(self.page_end);
        }
    }

    fn ring(&self) -> &Ring {
        &self.stream.0.ring
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.ring().leave();
    }
}
