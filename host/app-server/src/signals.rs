//! What the child says by itself, in a channel that is bounded by count and by bytes.
//!
//! When it is full, the reader of the child's output waits, the pipe fills up, and the child waits in turn: nothing is
//! lost and nothing piles up here. The price is that answers to calls come through the same pipe and wait behind; a
//! consumer that calls the child must therefore not wait for the answer in the task that drains the signals.

use std::sync::Arc;

use codex_manager_model::Generation;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::{Exit, Phase};

/// Something the child said, or something that happened to it. Those of one generation stand between its `Started`
/// and its `Exited`; generations do not overlap. What comes next for the child is told between them.
#[derive(Debug, Clone, PartialEq)]
pub enum Signal {
    /// The handshake is done: the child can be called.
    Started {
        /// The new life.
        generation: Generation,
        /// Its process, as [`ChildState::pid`](crate::ChildState::pid) has it.
        pid: Option<u32>,
        /// When.
        at: Timestamp,
    },
    /// The child told of something.
    Notification {
        /// The life that told.
        generation: Generation,
        /// Its method, as Codex writes it.
        method: String,
        /// Its parameters; `Null` where there were none.
        params: Value,
        /// When it was read.
        at: Timestamp,
    },
    /// The child asks something and waits for a reply.
    Request {
        /// The life that asks; the only one that may be answered.
        generation: Generation,
        /// Its id, to be given back as it is. Another life will use the same ones again.
        id: Value,
        /// Its method, as Codex writes it.
        method: String,
        /// Its parameters; `Null` where there were none.
        params: Value,
        /// When it was read.
        at: Timestamp,
    },
    /// The child is gone: its pending calls have failed, its requests can no longer be answered. A life that ended before
    /// its `Started` is not told here; [`ChildState::last_exit`](crate::ChildState::last_exit) has it.
    Exited {
        /// The life that ended.
        generation: Generation,
        /// How it ended.
        exit: Exit,
    },
    /// No child runs, and this is what is being done about it: it waits for its restart, or it cannot be used. Told after
    /// the `Exited` of the life before, and also for one that ended before its `Started`.
    Resting {
        /// [`Restarting`](Phase::Restarting), [`CrashLoop`](Phase::CrashLoop) or [`Unusable`](Phase::Unusable).
        phase: Phase,
        /// How the last life ended, if there was one.
        last_exit: Option<Exit>,
        /// When.
        at: Timestamp,
    },
    /// The child wrote something that is no message, or an answer that nobody waits for. Rate-limited.
    Noise {
        /// The life that wrote it.
        generation: Generation,
        /// What it was, for people.
        what: String,
    },
}

/// The receiving end of the child's signals.
#[derive(Debug)]
pub struct Signals {
    queue: mpsc::UnboundedReceiver<(Signal, Option<Room>)>,
}

impl Signals {
    /// The next signal. `None` once the supervisor was stopped and everything was taken. May be dropped without loss.
    pub async fn recv(&mut self) -> Option<Signal> {
        self.queue.recv().await.map(|(signal, _room)| signal)
    }

    /// The next signal if there is one now.
    pub fn try_recv(&mut self) -> Option<Signal> {
        self.queue.try_recv().ok().map(|(signal, _room)| signal)
    }
}

/// The sending end.
#[derive(Debug, Clone)]
pub(crate) struct SignalSender {
    queue: mpsc::UnboundedSender<(Signal, Option<Room>)>,
    places: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    bytes_max: usize,
}

/// What a waiting signal takes up; given back when it is received.
#[derive(Debug)]
struct Room {
    _place: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

/// A channel for at most `places` signals of together at most `bytes_max` bytes.
pub(crate) fn channel(places: usize, bytes_max: usize) -> (SignalSender, Signals) {
    let (sender, queue) = mpsc::unbounded_channel();
    let places = Arc::new(Semaphore::new(places));
    let bytes = Arc::new(Semaphore::new(bytes_max));
    (SignalSender { queue: sender, places, bytes, bytes_max }, Signals { queue })
}

impl SignalSender {
    /// Sends what the child said in a line of `bytes` bytes, once there is room for it. A signal that is larger than
    /// the whole channel waits until it is alone in it.
    pub(crate) async fn send(&self, signal: Signal, bytes: usize) {
        let bytes = u32::try_from(bytes.min(self.bytes_max)).unwrap_or(u32::MAX);
        let place = Arc::clone(&self.places).acquire_owned().await.expect("the semaphore is never closed");
        let bytes = Arc::clone(&self.bytes).acquire_many_owned(bytes).await.expect("the semaphore is never closed");
        self.push(signal, Some(Room { _place: place, _bytes: bytes }));
    }

    /// Sends what the supervisor has to tell. It takes no room, so that the end of a child is told however full the
    /// channel is; there are three of these in a life, and lives are spaced by the backoff.
    pub(crate) fn tell(&self, signal: Signal) {
        self.push(signal, None);
    }

    fn push(&self, signal: Signal, room: Option<Room>) {
        // Nobody listens any more: the child is still drained, so that calls go on.
        let _ = self.queue.send((signal, room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(what: &str) -> Signal {
        Signal::Noise { generation: Generation::new("g"), what: what.to_owned() }
    }

    #[tokio::test]
    async fn a_full_channel_holds_the_sender_back_by_count() {
        let (sender, mut signals) = channel(1, 100);
        sender.send(noise("1"), 1).await;
        let mut second = sending(sender.clone(), noise("2"), 1);
        assert!(poll_once(&mut second).await.is_none());
        assert_eq!(signals.recv().await, Some(noise("1")));
        assert!(poll_once(&mut second).await.is_some());
    }

    #[tokio::test]
    async fn a_full_channel_holds_the_sender_back_by_bytes() {
        let (sender, mut signals) = channel(10, 100);
        sender.send(noise("small"), 1).await;
        let mut huge = sending(sender.clone(), noise("huge"), 1_000_000);
        assert!(poll_once(&mut huge).await.is_none());
        sender.tell(noise("told"));
        assert_eq!(signals.recv().await, Some(noise("small")));
        assert_eq!(signals.recv().await, Some(noise("told")));
        assert!(poll_once(&mut huge).await.is_some());
        assert_eq!(signals.try_recv(), Some(noise("huge")));
        assert_eq!(signals.try_recv(), None);
    }

    type Sending = std::pin::Pin<Box<dyn Future<Output = ()>>>;

    fn sending(sender: SignalSender, signal: Signal, bytes: usize) -> Sending {
        Box::pin(async move { sender.send(signal, bytes).await })
    }

    async fn poll_once(future: &mut Sending) -> Option<()> {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(match future.as_mut().poll(context) {
                std::task::Poll::Ready(()) => Some(()),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
