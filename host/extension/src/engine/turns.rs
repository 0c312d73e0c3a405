//! Turns on the processor, for those that compute for long.
//!
//! A guest that has computed for a while goes on in a turn, and there is one turn fewer than there are processors. So
//! whoever has just come finds one that is free within a tick, however many others compute.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::thread::available_parallelism;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The turns that there are.
pub(super) struct Turns(Arc<Semaphore>);

/// One invocation's turn, whenever it has one. Clones are the same.
#[derive(Clone)]
pub(crate) struct Turn {
    turns: Arc<Semaphore>,
    held: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
}

impl Turns {
    pub(super) fn new() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new((processors - 1).max(1))))
    }

    /// For one invocation, which has none yet.
    pub(super) fn turn(&self) -> Turn {
        Turn { turns: Arc::clone(&self.0), held: Arc::default() }
    }
}

impl Turn {
    /// Lets others go on, and waits for a turn. It lasts for as long as the guest computes without a pause, and a tick
    /// at most.
    pub(crate) async fn next(self) {
        self.end();
        tokio::task::yield_now().await;
        let turn = Arc::clone(&self.turns).acquire_owned().await.expect("the turns are never closed");
        *self.held() = Some(turn);
    }

    /// Runs a future in which turns are taken. Whoever waits for something else has none.
    pub(crate) async fn within<F: Future>(&self, future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|context| {
            let polled: Poll<F::Output> = future.as_mut().poll(context);
            self.end();
            polled
        })
        .await
    }

    fn end(&self) {
        drop(self.held().take());
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<OwnedSemaphorePermit>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn as_many_compute_for_long_as_there_are_turns_and_who_waits_has_none() {
        let turns = Turns(Arc::new(Semaphore::new(1)));
        let (one, other) = (turns.turn(), turns.turn());
        let mut computes = Box::pin(one.within(async {
            one.clone().next().await;
            // The turn is held until here, within one poll.
            assert!(other.clone().next().now_or_never().is_none());
            assert_eq!(turns.0.available_permits(), 0);
            std::future::pending::<()>().await;
        }));
        for _ in 0..3 {
            assert!((&mut computes).now_or_never().is_none(), "it waits for something else by now");
            tokio::task::yield_now().await;
        }
        assert_eq!(turns.0.available_permits(), 1);
    }
}
