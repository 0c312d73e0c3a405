//! What dispatch orders, done: calls, commits, quarantines.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use codex_manager_extension::capability::kv::Changes;
use codex_manager_extension::dispatch::{
    self, Answered, Committed, Occurrence, Page, Quarantine, Read, Run, Seat, Settle,
};
use codex_manager_extension::{
    Action, Digest, ExtensionId, Failure, FailureKind, JournalEntry, LockError, LogLine, Record,
};
use codex_manager_model::limits::EXTENSION_DECIDE;
use codex_manager_model::{Actor, Clock, InvocationId, NewEvent, Seq};
use codex_manager_store::Error;
use jiff::Timestamp;
use rand::TryRngCore;
use rand::rngs::OsRng;
use serde_json::json;

use super::Shelf;
use super::begun::Begun;
use super::commit::{Commits, Settling};
use super::feed::Feed;
use super::versions::Versions;
use crate::storage::Storage;

/// After how many milliseconds each time a quarantine that the disk refused is written again.
const QUARANTINE_RETRIES_MS: [u64; 4] = [250, 500, 1_000, 2_000];

/// The daemon, as dispatch sees it.
pub(super) struct Host {
    pub(super) storage: Storage,
    pub(super) shelf: Shelf,
    pub(super) versions: Arc<Versions>,
    pub(super) begun: Arc<Begun>,
    pub(super) commits: Commits,
    pub(super) feed: Feed,
    pub(super) clock: Clock,
    /// The calls whose outcome is not recorded.
    pub(super) calls: Mutex<HashMap<Seat, Called>>,
}

/// A call that was begun.
#[derive(Clone)]
pub(super) struct Called {
    pub(super) id: InvocationId,
    pub(super) at: Timestamp,
    pub(super) seed: [u8; 32],
    pub(super) digest: Digest,
    pub(super) handler: String,
    pub(super) occurrence: Arc<Occurrence>,
}

/// What a call has left besides its answer.
#[derive(Default)]
pub(super) struct Left {
    pub(super) actions: Vec<Action>,
    /// What it wants kept, and what it had read for that.
    pub(super) changes: Changes,
    pub(super) journal: Vec<JournalEntry>,
    pub(super) log: Vec<LogLine>,
    pub(super) cpu: Duration,
    pub(super) wall: Duration,
    pub(super) memory_bytes: usize,
}

impl dispatch::Host for Host {
    type Remains = Left;

    fn call(&self, run: Run) -> impl Future<Output = (Answered, Left)> + Send + 'static {
        let called = Called {
            id: InvocationId::fresh(),
            at: self.clock.now(),
            seed: seed(),
            digest: run.digest,
            handler: run.handler,
            occurrence: run.occurrence,
        };
        let (extension, seq) = (run.seat.rank.extension.clone(), run.seat.seq);
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).insert(run.seat, called.clone());
        let (versions, begun) = (Arc::clone(&self.versions), Arc::clone(&self.begun));
        async move {
            let ended = match versions.linked(&called.digest) {
                Some(linked) => {
                    // Not before: what the host does until here is not laid at its door.
                    begun.begin(&extension, seq);
                    tracing::trace!(target: "codex_manager::arrow", at = "call_begun", %extension);
                    let record = Record { id: called.id.to_string(), at: called.at, seed: called.seed };
                    let event = &called.occurrence.event;
                    let mut invoked = match run.wall {
                        Some(wall) => linked.on_event_within(wall, event, &record).await,
                        None => linked.on_event(event, &record).await,
                    };
                    let left = Left {
                        actions: invoked.outcome.as_ref().cloned().unwrap_or_default(),
                        changes: invoked.effects.take().unwrap_or_default(),
                        journal: invoked.journal,
                        log: invoked.log,
                        cpu: invoked.cpu,
                        wall: invoked.wall,
                        memory_bytes: invoked.memory_bytes,
                    };
                    (answered(invoked.outcome, run.wall), left)
                }
                None => (unanswered(&extension), Left::default()),
            };
            tracing::trace!(target: "codex_manager::arrow", at = "call_returned", %extension);
            ended
        }
    }

    fn commit(&self, settle: Settle, left: Option<Left>) -> impl Future<Output = Committed> + Send + 'static {
        let Settle { seat, settled } = settle;
        let called = self.calls.lock().unwrap_or_else(PoisonError::into_inner).remove(&seat);
        let extension = &seat.rank.extension;
        let digest = called.as_ref().map(|called| called.digest).or_else(|| self.versions.latest(extension));
        let version = digest.and_then(|digest| self.versions.number(&digest)).unwrap_or_default();
        let now = self.clock.now();
        self.commits.enter(Settling { seat, settled, called, digest, version, left: left.unwrap_or_default(), now })
    }

    fn quarantine(&self, quarantine: Quarantine) -> impl Future<Output = bool> + Send + 'static {
        let (shelf, storage, at) = (self.shelf.clone(), self.storage.clone(), self.clock.now());
        async move {
            let durable = match write_quarantine(shelf, &quarantine, at).await {
                Ok(true) => true,
                // It was switched off, or other code was approved, before we came to it.
                Ok(false) | Err(LockError::Unapproved(_)) => return true,
                Err(error) => {
                    let extension = &quarantine.extension;
                    tracing::error!(%error, %extension, "its quarantine is not written and does not outlive this run");
                    false
                }
            };
            let Quarantine { extension, digest, reason } = quarantine;
            tracing::warn!(%extension, %digest, "quarantined");
            let payload = json!({
                "extensionId": extension, "digest": digest, "reason": reason, "at": at.to_string(), "durable": durable,
            });
            let event = NewEvent::new("extension_quarantined", None, payload, at).by(Actor::Host);
            let told = storage.insist(move |tx| tx.append_event(event.clone())).await;
            if let Err(error) = told {
                tracing::warn!(%error, %extension, "a quarantine was not told");
            }
            durable
        }
    }

    fn read(&self, read: Read) -> impl Future<Output = Page> + Send + 'static {
        self.feed.clone().page(read)
    }

    fn advance(&self, low: BTreeMap<ExtensionId, Seq>) -> impl Future<Output = ()> + Send + 'static {
        let (storage, versions) = (self.storage.clone(), Arc::clone(&self.versions));
        async move {
            let moved = storage.insist(move |tx| {
                // One that has just gone has had its marks removed, and is not to hold the log back for ever.
                let running = versions.running();
                low.iter()
                    .filter(|(extension, _)| running.contains(extension))
                    .try_for_each(|(extension, low)| tx.set_marks_low(extension.as_str(), *low))
            });
            match moved.await {
                Ok(()) | Err(Error::Closed) => {}
                Err(error) => tracing::error!(%error, "how far the extensions have come was not written"),
            }
        }
    }
}

/// Writes a quarantine into the lock, and tries again for a while if the disk refuses; whether there was something to
/// write.
pub(super) async fn write_quarantine(shelf: Shelf, quarantine: &Quarantine, at: Timestamp) -> Result<bool, LockError> {
    let mut delays = QUARANTINE_RETRIES_MS.into_iter().map(Duration::from_millis);
    // What failed at its end may be written all the same: the next try finds nothing to do.
    let mut has_failed = false;
    loop {
        let (shelf, Quarantine { extension, digest, reason }) = (shelf.clone(), quarantine.clone());
        let stand = move || shelf.quarantine(&extension, digest, reason, at);
        let stood = tokio::task::spawn_blocking(stand).await.expect("writing the lock does not panic");
        match (stood, delays.next()) {
            (Err(LockError::Io { .. }), Some(delay)) => {
                has_failed = true;
                tokio::time::sleep(delay).await;
            }
            (stood, _) => return stood.map(|changed| changed || has_failed),
        }
    }
}

/// What a call came to. That it took too long speaks against it only if it had most of the time that there is to decide:
/// one that was called late had less.
fn answered(outcome: Result<Vec<Action>, Failure>, wall: Option<Duration>) -> Answered {
    let was_late = wall.is_some_and(|wall| wall < EXTENSION_DECIDE / 2);
    match outcome {
        Err(Failure { kind: FailureKind::Wall, sentence, .. }) if was_late => {
            Answered::Failed { sentence, fatal: false }
        }
        outcome => Answered::from(outcome),
    }
}

/// What was let go between the order and the call. It says nothing of the extension.
fn unanswered(extension: &ExtensionId) -> Answered {
    Answered::Unavailable { sentence: format!("{extension} was not called: its version runs no more") }
}

fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    OsRng.try_fill_bytes(&mut seed).expect("the system has randomness");
    seed
}
