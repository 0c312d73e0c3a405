//! Who has a place among the connections that are served.
//!
//! A connection on which nobody has shown a valid token yet is a stranger's. When every place is taken, the stranger who
//! has been here longest gives theirs to who comes next. So however many connect and say nothing, a client with a token
//! gets in at once; and when all places belong to clients with tokens, the next one waits for one of them to go.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// The places.
#[derive(Clone)]
pub(super) struct Room {
    size: usize,
    /// Ends the room, and with it every place.
    closing: CancellationToken,
    places: Arc<Semaphore>,
    strangers: Arc<Mutex<Strangers>>,
}

#[derive(Default)]
struct Strangers {
    came: u64,
    /// What makes each of them leave, in the order in which they came.
    here: BTreeMap<u64, CancellationToken>,
}

/// A place in the room, for as long as this lives.
pub(super) struct Place {
    stranger: Stranger,
    _permit: OwnedSemaphorePermit,
}

/// The connection of a request, to be told that its client is no stranger.
#[derive(Clone)]
pub(in crate::http) struct Known(Arc<Stranger>);

#[derive(Clone)]
struct Stranger {
    number: u64,
    among: Arc<Mutex<Strangers>>,
    leave: CancellationToken,
}

impl Room {
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            closing: CancellationToken::new(),
            places: Arc::new(Semaphore::new(size)),
            strangers: Arc::default(),
        }
    }

    /// A place, as soon as there is one.
    pub(super) async fn enter(&self) -> Place {
        let permit = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                self.send_one_away();
                Arc::clone(&self.places).acquire_owned().await.expect("the semaphore is never closed")
            }
        };
        let leave = self.closing.child_token();
        let mut strangers = lock(&self.strangers);
        strangers.came += 1;
        let number = strangers.came;
        strangers.here.insert(number, leave.clone());
        Place { stranger: Stranger { number, among: Arc::clone(&self.strangers), leave }, _permit: permit }
    }

    /// Has the stranger leave who came first; `false` if there is none.
    pub(super) fn send_one_away(&self) -> bool {
        let first = lock(&self.strangers).here.pop_first();
        first.is_some_and(|(_, leave)| {
            leave.cancel();
            true
        })
    }

    /// Tells everybody to leave.
    pub(super) fn close(&self) {
        self.closing.cancel();
    }

    /// Whether everybody was told to.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// Resolves when everybody has left.
    pub(super) async fn empty(&self) {
        let everybody = u32::try_from(self.size).expect("a few connections");
        let _everybody = self.places.acquire_many(everybody).await.expect("the semaphore is never closed");
    }

    /// How many are here.
    pub(super) fn taken(&self) -> usize {
        self.size - self.places.available_permits()
    }
}

impl Place {
    /// Tells this connection to leave: at once, or in good order when [everybody](Room::close) is told to.
    pub(super) fn leave(&self) -> CancellationToken {
        self.stranger.leave.clone()
    }

    /// What its requests are given.
    pub(super) fn known(&self) -> Known {
        Known(Arc::new(self.stranger.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stranger.forget();
    }
}

impl Known {
    /// Somebody has shown a valid token: this connection stays.
    pub(in crate::http) fn admitted(&self) {
        self.0.forget();
    }
}

impl Stranger {
    fn forget(&self) {
        lock(&self.among).here.remove(&self.number);
    }
}

fn lock(strangers: &Mutex<Strangers>) -> MutexGuard<'_, Strangers> {
    strangers.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn the_stranger_who_came_first_leaves_for_who_comes_next() {
        let room = Room::new(2);
        let (first, second) = (room.enter().await, room.enter().await);
        let mut third = Box::pin(room.enter());
        assert!(third.as_mut().now_or_never().is_none(), "the place is not free yet");
        assert!(first.leave().is_cancelled() && !second.leave().is_cancelled());
        drop(first);
        let third = third.await;
        assert_eq!(room.taken(), 2);
        drop((second, third));
        room.empty().await;
        assert!(lock(&room.strangers).here.is_empty(), "nobody is remembered who has left");
    }

    #[tokio::test]
    async fn who_has_shown_a_token_stays() {
        let room = Room::new(2);
        let (known, stranger) = (room.enter().await, room.enter().await);
        known.known().admitted();
        assert!(room.send_one_away());
        assert!(stranger.leave().is_cancelled() && !known.leave().is_cancelled());
        assert!(!room.send_one_away());
        assert!(!known.leave().is_cancelled());
    }
}
