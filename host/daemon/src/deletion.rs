//! Finishing deletions: what the child still has of a session that was deleted for good.
//!
//! The session was erased from the store in one transaction before (see [`erase`]), and its tombstone is the record of
//! what is still to be done. So this is repeated, also by the next start, until the child has forgotten the thread. The
//! calls go to the child directly: the outbox would only write down a second time what the tombstone says.

mod erase;
mod thread;

use std::sync::Arc;
use std::time::Duration;

use codex_manager_app_server::AppServer;
use codex_manager_model::{Clock, NewEvent, SessionId, Tombstone, limits};
use codex_manager_store::{Error, Store, Tx};
use serde_json::json;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::outbox::Outbox;
use crate::stream::Stream;
use thread::Forgotten;

pub(crate) use erase::{Erased, erase_in, erase_with_workers_in};

/// How long until something that did not work is tried again, the first time and at most.
const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(60);
/// How long until the child is asked again for threads that it keeps for their forks, when nothing else was deleted
/// meanwhile: a fork may have been deleted behind our back.
const KEPT_RETRY: Duration = Duration::from_secs(3600);
/// How long after something was erased the store's file is written anew: for all that is erased in the meantime at once.
const COMPACT_DELAY: Duration = Duration::from_secs(1);
/// For how many times as long as that takes it is left alone afterwards.
const COMPACT_REST: u32 = 10;

/// Deletions that are under way. Clones share them.
#[derive(Clone)]
pub(crate) struct Deletions(Arc<Inner>);

struct Inner {
    store: Store,
    child: AppServer,
    outbox: Outbox,
    stream: Stream,
    clock: Clock,
    wake: Notify,
    /// Of how many it is known what became of them; who waits for one looks again.
    finished: watch::Sender<u64>,
}

/// What is left to do after a look at all deletions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Left {
    Nothing,
    /// The child keeps threads for as long as forks of theirs are there.
    Kept,
    /// Something did not work, or there is more than one look takes.
    More,
}

impl Deletions {
    pub(crate) fn new(store: Store, child: AppServer, outbox: Outbox, stream: Stream, clock: Clock) -> Self {
        let (wake, finished) = (Notify::new(), watch::Sender::new(0));
        Self(Arc::new(Inner { store, child, outbox, stream, clock, wake, finished }))
    }

    /// What follows once it is committed that sessions were erased: memory forgets them too, who waits for something of
    /// them is told, and the rest is set going.
    pub(crate) fn follow(&self, erased: Vec<Erased>) {
        if erased.is_empty() {
            return;
        }
        tracing::trace!(target: "codex_manager::arrow", at = "session_erased");
        for Erased { session, abandoned } in erased {
            self.0.stream.forget(&session);
            self.0.outbox.tell_abandoned(abandoned);
        }
        self.0.wake.notify_one();
    }

    /// Waits until the child has forgotten a session, or will not for now; in any case not for long.
    pub(crate) async fn finished(&self, session: &SessionId) {
        let mut finished = self.0.finished.subscribe();
        let look = async {
            while self.0.child.state().borrow().is_ready() && !self.is_settled(session).await {
                if finished.changed().await.is_err() {
                    return;
                }
            }
        };
        // The tombstone says what is still to be done.
        let _ = tokio::time::timeout(limits::DELETION_WAIT_MAX, look).await;
    }

    /// Finishes deletions until told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.work()).await;
    }

    async fn work(&self) {
        self.forget_again().await;
        let mut child = self.0.child.state();
        let mut delay = RETRY_MIN;
        // An earlier life may have erased something.
        let mut compact_at = Some(Instant::now() + COMPACT_DELAY);
        let mut rested_at = Instant::now();
        loop {
            let ready = child.borrow_and_update().is_ready();
            let scrubbed = self.scrub().await;
            let left = if ready { self.finish_all().await } else { Left::Nothing };
            let left = if scrubbed { left } else { Left::More };
            tokio::select! {
                () = self.0.wake.notified() => {
                    delay = RETRY_MIN;
                    compact_at.get_or_insert_with(|| rested_at.max(Instant::now() + COMPACT_DELAY));
                }
                () = sleep_until(compact_at.unwrap_or(rested_at)), if compact_at.is_some() => {
                    let begun = Instant::now();
                    let compacted = self.compact().await;
                    rested_at = Instant::now() + begun.elapsed() * COMPACT_REST;
                    compact_at = (!compacted).then(|| rested_at.max(Instant::now() + RETRY_MAX));
                }
                () = sleep(delay), if left == Left::More => delay = (2 * delay).min(RETRY_MAX),
                () = sleep(KEPT_RETRY), if left == Left::Kept => {}
                changed = child.changed() => match changed {
                    Ok(()) => delay = RETRY_MIN,
                    Err(_) => return,
                },
            }
        }
    }

    /// What an earlier life did not finish: the child may still speak of it.
    async fn forget_again(&self) {
        let unfinished = self.0.store.read(|view| view.unfinished_deletions(limits::DELETIONS_LOOK_MAX)).await;
        match unfinished {
            Ok(unfinished) => unfinished.iter().for_each(|session| self.0.stream.forget(session)),
            Err(error) => told(&error),
        }
    }

    /// Has nothing of it left in unused bytes of the file either.
    async fn compact(&self) -> bool {
        let compacted = self.0.store.compact().await;
        compacted.inspect_err(told).is_ok()
    }

    /// Has the bytes gone from the disk, and not only from the tables.
    async fn scrub(&self) -> bool {
        match self.0.store.scrub().await {
            Ok(scrubbed) => scrubbed,
            Err(error) => {
                told(&error);
                false
            }
        }
    }

    async fn finish_all(&self) -> Left {
        let unfinished = self.0.store.read(|view| view.unfinished_deletions(limits::DELETIONS_LOOK_MAX)).await;
        let unfinished: Vec<SessionId> = match unfinished {
            Ok(unfinished) => unfinished,
            Err(error) => {
                told(&error);
                return Left::More;
            }
        };
        let mut left = if unfinished.len() < limits::DELETIONS_LOOK_MAX as usize { Left::Nothing } else { Left::More };
        let mut finished = false;
        for session in unfinished {
            let forgotten = thread::forget(&self.0.child, &session).await;
            let noted = forgotten == Forgotten::NotNow || self.note(session, forgotten).await;
            finished |= forgotten == Forgotten::Yes;
            left = left.max(match forgotten {
                _ if !noted => Left::More,
                Forgotten::Yes => Left::Nothing,
                Forgotten::NotYet => Left::Kept,
                Forgotten::NotNow => Left::More,
            });
        }
        if finished && left == Left::Kept {
            // One of these may have been the fork that another was kept for.
            self.0.wake.notify_one();
        }
        left
    }

    /// Notes that the child has forgotten it, or keeps it for now, and tells so once.
    async fn note(&self, session: SessionId, forgotten: Forgotten) -> bool {
        let now = self.0.clock.now();
        let note = move |tx: &Tx<'_>| {
            let payload = json!({ "sessionId": session });
            let of = Some(session.clone());
            let (first, event) = match forgotten {
                Forgotten::Yes => {
                    (tx.finish_deletion(&session, now)?, NewEvent::new("session_erased", of, payload, now))
                }
                Forgotten::NotYet | Forgotten::NotNow => {
                    (tx.postpone_deletion(&session, now)?, NewEvent::new("session_kept_for_fork", of, payload, now))
                }
            };
            if first {
                tx.append_event(event)?;
            }
            Ok(())
        };
        let noted: Result<(), Error> = self.0.store.write(note).await;
        if let Err(error) = &noted {
            told(error);
        }
        self.0.finished.send_modify(|count| *count += 1);
        noted.is_ok()
    }

    async fn is_settled(&self, session: &SessionId) -> bool {
        let session = session.clone();
        let tombstone = self.0.store.read::<_, Error, _>(move |view| view.tombstone(&session)).await;
        let is_settled = |it: Tombstone| it.finished_at.is_some() || it.refused_at.is_some();
        tombstone.ok().flatten().is_none_or(is_settled)
    }
}

fn told(error: &Error) {
    tracing::warn!(%error, "a deletion is not finished yet");
}
