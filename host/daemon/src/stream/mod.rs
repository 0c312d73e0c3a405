//! The event stream: what the log says, and what passes beside it, as frames for clients.
//!
//! One task, the [tail](tail), reads each new row once, encodes it once, and puts the frames on a bounded
//! [ring](ring) that all readers at the head share. A [`Reader`] pulls: it follows the ring while it keeps up, and reads
//! the [log] from its own cursor while it does not. Nobody queues anything for anybody, so a slow reader costs disk and
//! never memory.
//!
//! What is *not* here: sockets. How frames travel is for `http/stream.rs` to know.

mod asyncapi;
mod catalogue;
mod entry;
mod filter;
mod frames;
mod log;
mod pages;
mod places;
mod reader;
mod ring;
mod tail;

use std::sync::Arc;

use codex_manager_model::{Epoch, Seq, SessionId};
use codex_manager_store::{Ephemeral, EventBounds, Store};
use tokio_util::sync::CancellationToken;

use crate::service::code;
use crate::service::error::Error;
use places::Places;
use ring::Ring;

pub(crate) use asyncapi::document;
#[cfg(test)]
pub(crate) use catalogue::rows;
pub(crate) use entry::Entry;
pub(crate) use filter::Filter;
pub(crate) use frames::{Control, control};
pub(crate) use pages::EventPage;
pub(crate) use reader::{Next, Reader};

/// Where a reader begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    /// With whatever comes next.
    Head,
    /// After this place.
    After(Cursor),
}

/// A client's place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The lineage that the number belongs to, where the client says.
    pub(crate) epoch: Option<Epoch>,
    /// The last row that it has seen.
    pub(crate) seq: Seq,
}

/// The stream. Clones are the same stream.
#[derive(Clone)]
pub(crate) struct Stream(Arc<Shared>);

struct Shared {
    store: Store,
    ephemeral: Ephemeral,
    ring: Ring,
    places: Places,
}

impl Stream {
    /// A stream of this store's log, and of what is told beside it. Nothing flows before [`Stream::run`].
    pub(crate) fn new(store: Store, ephemeral: Ephemeral) -> Self {
        let ring = Ring::new(*store.head().borrow());
        Self(Arc::new(Shared { store, ephemeral, ring, places: Places::default() }))
    }

    /// Feeds the readers at the head, until `stop` or until the store is closed. Then it closes.
    pub(crate) async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = tail::run(&self.0.store, &self.0.ephemeral, &self.0.ring) => {}
            () = stop.cancelled() => {}
        }
        self.close();
    }

    /// Ends every reader once it has what is there.
    pub(crate) fn close(&self) {
        self.0.ring.close();
    }

    /// Forgets a session that was deleted from the log: what readers have not taken yet they find there, without it.
    pub(crate) fn forget(&self, session: &SessionId) {
        self.0.ephemeral.forget(session);
        self.0.ring.purge();
    }

    /// Begins to read.
    ///
    /// # Errors
    ///
    /// `cursor_expired` when the log is another one, does not reach that far, or no longer reaches back that far.
    pub(crate) async fn open(&self, start: Start, filter: Filter) -> Result<Reader, Error> {
        let after = match start {
            Start::Head => self.head(),
            Start::After(cursor) => self.check(cursor).await?,
        };
        Ok(Reader::new(self.clone(), after, filter))
    }

    /// The last row there is.
    pub(crate) fn head(&self) -> Seq {
        *self.0.store.head().borrow()
    }

    /// How many readers there are, and by how many rows the slowest is behind.
    pub(crate) fn readers(&self) -> (usize, u64) {
        let (readers, slowest) = self.0.places.look();
        (readers, slowest.map_or(0, |at| self.head().0.saturating_sub(at.0)))
    }

    /// The lineage of the log.
    pub(crate) fn epoch(&self) -> &Epoch {
        self.0.store.epoch()
    }

    /// Whether anybody reads.
    #[cfg(test)]
    pub(crate) fn has_readers(&self) -> bool {
        self.0.ring.has_readers()
    }

    async fn check(&self, cursor: Cursor) -> Result<Seq, Error> {
        let bounds = self.0.store.read(|view| view.event_bounds()).await?;
        let (epoch, head, oldest) = (self.epoch(), bounds.head, floor(&bounds).next());
        let expired = |message| expired(message, &bounds, epoch);
        let from_the_end = format!("follow from its end: after={head}");
        if cursor.epoch.is_some_and(|theirs| theirs != *epoch) {
            let message = format!("the cursor is of another log; this one is {epoch} and ends at {head}");
            return Err(expired(message).hint(from_the_end));
        }
        if cursor.seq > head {
            let after = cursor.seq;
            let message =
                format!("the log ends at {head}, and {after} is after that; the cursor is of another log, or mistyped");
            return Err(expired(message).hint(from_the_end));
        }
        if cursor.seq.next() < oldest {
            let message = format!("the log cannot be read from there: it holds {oldest} to {head}");
            let hint = "read the state anew, then follow the stream from the head; what lies between is gone";
            return Err(expired(message).hint(hint));
        }
        Ok(cursor.seq)
    }
}

/// The place from which everything can still be read.
fn floor(bounds: &EventBounds) -> Seq {
    bounds.oldest.map_or(bounds.head, |oldest| Seq(oldest.0 - 1))
}

fn expired(message: String, bounds: &EventBounds, epoch: &Epoch) -> Error {
    Error::new(code::CURSOR_EXPIRED, message)
        .with("oldest", floor(bounds).next().0)
        .with("head", bounds.head.0)
        .with("epoch", epoch.as_str())
}

#[cfg(test)]
mod tests;
