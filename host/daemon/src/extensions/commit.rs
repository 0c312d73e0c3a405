//! Recording what became of calls: each with its mark, its record, its effects and the row that tells of it, together.
//!
//! There is one line for all of them, and it is joined when a commit is asked for. What waits in it is written together,
//! in its order, and written again as a whole while the disk is full: so no group overtakes another.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use codex_manager_extension::dispatch::{Committed, Group, Seat, Settled};
use codex_manager_extension::{Digest, ExtensionId};
use codex_manager_model::{
    Actor, Cause, InvocationId, InvocationOutcome, NewEvent, SessionId, TurnId, limits::EXTENSION_COMMITS_MAX,
};
use codex_manager_store::{Error, Tx};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use super::begun::Begun;
use super::effect::{self, Author, Stop};
use super::host::{Called, Left};
use super::record::{bare, kinds, record};
use super::tally::Tally;
use super::versions::Versions;
use crate::outbox::Outbox;
use crate::storage::Storage;

/// The end of a call, with all that is known of it.
pub(super) struct Settling {
    pub(super) seat: Seat,
    pub(super) settled: Settled,
    /// `None` if it was never called.
    pub(super) called: Option<Called>,
    pub(super) digest: Option<Digest>,
    pub(super) version: String,
    pub(super) left: Left,
    pub(super) now: Timestamp,
}

/// What became of it, as it is recorded.
pub(super) struct Ending {
    pub(super) outcome: InvocationOutcome,
    pub(super) sentence: Option<String>,
}

/// Where one joins the line.
#[derive(Clone)]
pub(super) struct Commits(mpsc::UnboundedSender<Waiting>);

/// Takes from the line and writes.
pub(super) struct Committer {
    waiting: mpsc::UnboundedReceiver<Waiting>,
    storage: Storage,
    outbox: Outbox,
    begun: Arc<Begun>,
    versions: Arc<Versions>,
    tally: Tally,
}

type Waiting = (Settling, oneshot::Sender<Committed>);

/// What a settling concerns, besides itself.
struct About {
    session: Option<SessionId>,
    turn: Option<TurnId>,
    cause: Cause,
}

/// What one transaction made of a settling.
struct Written {
    committed: Committed,
    sends: bool,
    /// `None` where nothing was written.
    outcome: Option<InvocationOutcome>,
}

impl Commits {
    /// A line, and its other end.
    pub(super) fn new(
        storage: Storage,
        outbox: Outbox,
        begun: Arc<Begun>,
        versions: Arc<Versions>,
    ) -> (Self, Committer) {
        // As long as the calls are many, which are bounded.
        let (send, waiting) = mpsc::unbounded_channel();
        (Self(send), Committer { waiting, storage, outbox, begun, versions, tally: Tally::default() })
    }

    /// Joins the line, here and now. The future never resolves if it cannot be written any more: what is not recorded
    /// must not go on.
    pub(super) fn enter(&self, settling: Settling) -> impl Future<Output = Committed> + Send + 'static {
        let (tell, told) = oneshot::channel();
        // Without a committer nobody is told, as it should be.
        drop(self.0.send((settling, tell)));
        async move {
            match told.await {
                Ok(committed) => committed,
                Err(_) => std::future::pending().await,
            }
        }
    }
}

impl Committer {
    /// What the calls came to.
    pub(super) fn tally(&self) -> Tally {
        self.tally.clone()
    }

    /// Writes until nobody can join any more, or the store takes nothing more.
    pub(super) async fn run(mut self) {
        let mut waiting = Vec::new();
        while self.waiting.recv_many(&mut waiting, EXTENSION_COMMITS_MAX).await > 0 {
            let (settlings, asked): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
            let settlings = Arc::new(settlings);
            let written = {
                let (settlings, versions) = (Arc::clone(&settlings), Arc::clone(&self.versions));
                let write_all = move |tx: &Tx<'_>| {
                    // They may have waited for a disk that was full, so who runs is asked now.
                    let running = versions.running();
                    let mut settle = |settling| write(tx, settling, &versions, &running);
                    settlings.iter().map(&mut settle).collect()
                };
                self.storage.insist(write_all).await
            };
            let written: Vec<Written> = match written {
                Ok(written) => written,
                Err(error) => {
                    tracing::error!(%error, "what extensions came to is not recorded");
                    return;
                }
            };
            tracing::trace!(target: "codex_manager::arrow", at = "group_committed");
            if written.iter().any(|written| written.sends) {
                self.outbox.wake();
            }
            for ((settling, written), asked) in settlings.iter().zip(written).zip(asked) {
                if let Some(outcome) = written.outcome {
                    self.tally.count(outcome);
                }
                if written.committed != Committed::Conflict {
                    self.begun.end(&settling.seat.rank.extension, settling.seat.seq);
                }
                // Whoever is gone needs not know.
                let _ = asked.send(written.committed);
            }
        }
    }
}

/// Writes one settling. On a conflict, nothing.
fn write(
    tx: &Tx<'_>,
    settling: &Settling,
    versions: &Versions,
    running: &BTreeSet<ExtensionId>,
) -> Result<Written, Error> {
    let about = about(tx, settling)?;
    let extension = &settling.seat.rank.extension;
    let none = Group::default();
    let group = match &settling.settled {
        Settled::Apply(group) => Some(group),
        Settled::Abstained => Some(&none),
        _ => None,
    };
    let is_gone = is_gone(tx, &about)?;
    let applied = match group {
        _ if is_gone => Err(Stop::Gone("the session was deleted".to_owned())),
        Some(_) if !running.contains(extension) => Err(Stop::Withdrawn),
        Some(group) => apply(tx, settling, group, &about, versions.kept_bytes_max(extension)).map(Some),
        None => Ok(None),
    };
    let (committed, sends, ending) = match applied {
        Ok(Some(None)) => return Ok(Written { committed: Committed::Conflict, sends: false, outcome: None }),
        Ok(Some(Some(sends))) => (Committed::Applied, sends, Ending::of(&settling.settled)),
        Ok(None) => (Committed::Applied, false, Ending::of(&settling.settled)),
        Err(Stop::Gone(why)) => (Committed::NotEligible, false, Ending::because(InvocationOutcome::NotEligible, why)),
        Err(Stop::Refused(why)) => (Committed::Refused, false, Ending::because(InvocationOutcome::Refused, why)),
        // Others may still have what it claims.
        Err(Stop::Withdrawn) => (Committed::Refused, false, Ending::of(&Settled::Withdrawn)),
        Err(Stop::Store(error)) => return Err(error),
    };
    tx.mark_event(extension.as_str(), settling.seat.seq)?;
    let outcome = Some(ending.outcome);
    let id = settling.called.as_ref().map_or_else(InvocationId::fresh, |called| called.id.clone());
    if is_gone {
        // What it was told, and wanted, was of that session.
        tx.put_invocation(&bare(record(settling, id, about.session, ending)))?;
        return Ok(Written { committed, sends, outcome });
    }
    tell(tx, settling, &about, &id, &ending)?;
    tx.put_invocation(&record(settling, id, about.session, ending))?;
    Ok(Written { committed, sends, outcome })
}

/// Whether the session that it concerns was deleted while it ran.
fn is_gone(tx: &Tx<'_>, about: &About) -> Result<bool, Error> {
    Ok(about.session.as_ref().map(|session| tx.tombstone(session)).transpose()?.flatten().is_some())
}

/// Does what a group asks for, and keeps what its call wanted kept: whether something is to be sent; `None` if what the
/// call had read has changed, or the room is gone that it had found.
fn apply(
    tx: &Tx<'_>,
    settling: &Settling,
    group: &Group,
    about: &About,
    kept_bytes_max: u64,
) -> Result<Option<bool>, Stop> {
    let effects = effect::plan(tx, group, about.session.as_ref())?;
    let extension = settling.seat.rank.extension.as_str();
    let changes = &settling.left.changes;
    if !tx.kv_commit(extension, kept_bytes_max, &changes.read, changes.listed, &changes.written)? {
        return Ok(None);
    }
    let author = Author { extension: extension.to_owned(), cause: about.cause, at: settling.now };
    for effect in &effects {
        effect.apply(tx, &author)?;
    }
    Ok(Some(effects.iter().any(effect::Effect::is_sent)))
}

/// Tells of it in the log. That somebody wanted nothing is no news.
fn tell(tx: &Tx<'_>, settling: &Settling, about: &About, id: &InvocationId, ending: &Ending) -> Result<(), Error> {
    if matches!(
        ending.outcome,
        InvocationOutcome::Abstained | InvocationOutcome::Expired | InvocationOutcome::Withdrawn
    ) {
        return Ok(());
    }
    let extension = settling.seat.rank.extension.as_str();
    let payload = json!({
        "extensionId": extension,
        "version": settling.version,
        "digest": settling.digest,
        "invocationId": id,
        "event": settling.seat.seq,
        "outcome": ending.outcome,
        "sentence": ending.sentence,
        "actions": kinds(&settling.left),
    });
    let event = NewEvent::new("extension_invoked", about.session.clone(), payload, settling.now);
    let event = event.of_turn(about.turn.clone()).by(Actor::Extension(extension.to_owned()));
    tx.append_event(event.because(Some(about.cause))).map(drop)
}

/// What the event concerns. One of which nobody was told is looked up; one that retention has taken concerns nobody.
fn about(tx: &Tx<'_>, settling: &Settling) -> Result<About, Error> {
    let seq = settling.seat.seq;
    if let Some(called) = &settling.called {
        let header = &called.occurrence.event.header;
        return Ok(About {
            session: header.session.clone().map(SessionId::new),
            turn: header.turn.clone().map(TurnId::new),
            cause: Cause { seq, hops: u8::try_from(header.hops).unwrap_or(u8::MAX) },
        });
    }
    let before = codex_manager_model::Seq(seq.0.saturating_sub(1));
    let event = tx.events(before, 1)?.into_iter().find(|event| event.seq == seq);
    Ok(match event {
        Some(event) => {
            let cause = Cause::of(&event);
            About { session: event.session, turn: event.turn, cause }
        }
        None => About { session: None, turn: None, cause: Cause { seq, hops: 0 } },
    })
}
