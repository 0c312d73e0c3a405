//! The outbox: what is to be done by the child, recorded before it is sent.
//!
//! An operation is committed as `recorded`, then as `sending`, and only then written to the child. So after any crash
//! it is known which operations were never written (they go to the next child) and which may have been (they are
//! `unknown` until the child itself says what became of them). Nothing is ever sent twice on a guess. A reply belongs to
//! the child that asked; when that one is gone before the reply was written, the reply is void.

mod abandon;
mod effect;
mod interrupt;
mod lanes;
mod perform;
mod resolve;
mod sealed;
mod send;
mod threads;
mod waiters;

use std::sync::Arc;
use std::time::Duration;

use codex_manager_app_server::AppServer;
use codex_manager_model::{
    Actor, Clock, Generation, Interaction, Operation, OperationId, OperationKind, OperationState, SessionId, limits,
};
use codex_manager_store as store;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::service::code::{self, Code};
use crate::service::{Error, Kind};
use crate::storage::Storage;
pub(crate) use abandon::abandon;
pub(crate) use effect::reply_written;
use lanes::Lanes;
pub(crate) use sealed::REDACTED;
use sealed::Sealed;
pub(crate) use send::refused;
use threads::LoadedThreads;
use waiters::Waiters;

/// How long to wait after the outbox could not be read.
const RETRY_DELAY: Duration = Duration::from_millis(250);

/// The outbox. Clones share it.
#[derive(Clone)]
pub(crate) struct Outbox(Arc<Inner>);

struct Inner {
    storage: Storage,
    child: AppServer,
    clock: Clock,
    waiters: Waiters,
    lanes: Lanes,
    sealed: Sealed,
    threads: LoadedThreads,
    wake: Notify,
}

impl Outbox {
    pub(crate) fn new(storage: Storage, child: AppServer, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            storage,
            child,
            clock,
            waiters: Waiters::default(),
            lanes: Lanes::default(),
            sealed: Sealed::default(),
            threads: LoadedThreads::default(),
            wake: Notify::new(),
        }))
    }

    /// A call of ours, not yet recorded.
    pub(crate) fn call(&self, method: &str, session: Option<SessionId>, body: Value, actor: Actor) -> Operation {
        operation(method, session, body, actor, self.0.clock.now())
    }

    /// Says that something was recorded.
    pub(crate) fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Asks the child what became of an operation that is `unknown`.
    pub(crate) async fn resolve(&self, operation: &Operation) {
        resolve::resolve(&self.0, operation).await;
    }

    /// Sends what is recorded until told to stop; what is being sent then is waited for. Its calls end with the child.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let tracker = TaskTracker::new();
        let mut child = self.0.child.state();
        let mut resolved: Option<Generation> = None;
        loop {
            let state = child.borrow_and_update().clone();
            if state.is_ready() && state.generation != resolved {
                resolved.clone_from(&state.generation);
                let inner = Arc::clone(&self.0);
                tracker.spawn(async move { resolve::resolve_all(&inner).await });
            }
            let looked = self.look(&tracker, state.is_ready()).await;
            if let Err(error) = &looked {
                tracing::error!(%error, "cannot read the outbox");
            }
            tokio::select! {
                () = self.0.wake.notified() => {}
                () = tokio::time::sleep(RETRY_DELAY), if looked.is_err() => {}
                changed = child.changed() => if changed.is_err() { break },
                () = stop.cancelled() => break,
            }
        }
        tracker.close();
        tracker.wait().await;
    }

    /// Starts sending what is due and whose lane is free. A reply needs no child that is ready: it may be void.
    async fn look(&self, tracker: &TaskTracker, ready: bool) -> Result<(), store::Error> {
        let store = self.0.storage.store();
        let due: Vec<Operation> = store.read(|view| view.due_operations(limits::OUTBOX_LOOK_MAX)).await?;
        for operation in due.into_iter().filter(|operation| ready || operation.kind == OperationKind::Reply) {
            let Some(lane) = self.0.lanes.take(&operation) else { continue };
            let outbox = self.clone();
            tracker.spawn(async move {
                send::send(&outbox.0, operation).await;
                outbox.0.lanes.free(&lane);
                // Whatever became of it: what came while the lane was taken has been passed over.
                outbox.wake();
            });
        }
        Ok(())
    }
}

impl Inner {
    /// Commits that `operation` moved on from one of `from`, with its effects, and tells who waits. False when it had
    /// moved on already.
    async fn settle(
        &self,
        operation: &Operation,
        from: &'static [OperationState],
        to: OperationState,
        outcome: Option<Value>,
    ) -> Result<bool, store::Error> {
        let now = self.clock.now();
        let mut settled = operation.clone();
        settled.state = to;
        settled.outcome = outcome;
        settled.updated_at = now;
        let row = settled.clone();
        let child = self.child.state();
        let moved_to = self
            .storage
            .insist(move |tx| {
                let gone = abandon::written(tx, &row)?;
                let is_gone = gone.is_some();
                let (to, outcome) = gone.unwrap_or_else(|| (to, row.outcome.clone()));
                let moved =
                    tx.set_operation_state(&row.id, from, to, row.generation.as_ref(), outcome.as_ref(), now)?;
                if moved && !is_gone {
                    // Asked in here, so that a child that is seen alive has its end committed after this.
                    let alive = child.borrow().generation == row.generation;
                    effect::apply(tx, &row, alive, now)?;
                }
                Ok(moved.then(|| if to == row.state { (to, row.outcome.clone()) } else { (to, outcome) }))
            })
            .await?;
        let Some((state, outcome)) = moved_to else { return Ok(false) };
        if state.is_settled() || state == OperationState::Unknown {
            (settled.state, settled.outcome) = (state, outcome);
            self.sealed.forget(&settled.id);
            self.waiters.tell(settled);
        }
        Ok(state == to)
    }
}

/// The answer to what the child asked, not yet recorded; with no result where that is to be [sealed](Outbox::seal).
pub(crate) fn reply(asked: &Interaction, result: Option<&Value>, actor: Actor, now: Timestamp) -> Operation {
    let mut body = json!({ "id": asked.request_id });
    if let Some(result) = result {
        body["result"] = result.clone();
    }
    Operation {
        kind: OperationKind::Reply,
        interaction: Some(asked.id.clone()),
        generation: Some(asked.generation.clone()),
        ..operation(&asked.method, Some(asked.session.clone()), body, actor, now)
    }
}

fn operation(method: &str, session: Option<SessionId>, body: Value, actor: Actor, now: Timestamp) -> Operation {
    Operation {
        id: OperationId::fresh(),
        kind: OperationKind::Call,
        method: method.to_owned(),
        session,
        interaction: None,
        generation: None,
        body,
        state: OperationState::Recorded,
        outcome: None,
        actor,
        cause: None,
        created_at: now,
        updated_at: now,
    }
}

/// What a settled operation means to the one who asked for it.
fn outcome(operation: Operation) -> Result<Operation, Error> {
    match operation.state {
        OperationState::Answered => Ok(operation),
        OperationState::Void => Err(Error::new(
            code::EXPIRED,
            "the app-server that asked is gone; the answer was not sent to its successor",
        )
        .of_kind(Kind::Conflict)
        .status("reconciled")),
        OperationState::Failed => Err(send::refusal(&operation)),
        OperationState::Recorded | OperationState::Sending | OperationState::Unknown => {
            Err(not_known(code::OUTCOME_UNKNOWN, &operation.id, "nobody knows whether the child acted on it"))
        }
    }
}

fn not_known(code: &'static Code, id: &OperationId, why: &str) -> Error {
    Error::new(code, format!("{why}; the request is recorded and is never sent twice"))
        .with("operationId", id.as_str())
        .hint(format!("ask for its outcome: GET /api/operations/{id}"))
}

#[cfg(test)]
mod tests;
