//! A daemon that runs, and how it stops.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use codex_manager_app_server::{AppServer, ChildState, Signals};
use codex_manager_model::{Clock, OperationKind, OperationState, Seq};
use codex_manager_store::{Error, Lock, Retention, Store, View};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::builder::Builder;
use crate::deletion::Deletions;
use crate::extensions::Runner;
use crate::http::{self, Answering, Guard};
use crate::intake::Intake;
use crate::listen::Listeners;
use crate::outbox::Outbox;
use crate::reconcile::Reconcile;
use crate::retention;
use crate::service::{Metrics, Services};
use crate::storage::{Storage, StorageState};
use crate::stream::Stream;
use crate::workers::Workers;

/// How long what is under way may take to finish after the child is gone.
const GRACE: Duration = Duration::from_secs(5);
/// How long the child is kept for what extensions decide last: their own grace, and what it takes to tell the child.
const DECIDING_GRACE: Duration = Duration::from_secs(3);
/// How often it is looked whether the child has been told.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A daemon: bound, its child on its way, not yet serving. [`run`](Self::run) serves.
///
/// Dropping it stops everything, as far as that goes without waiting.
pub struct Daemon {
    listeners: Listeners,
    api: http::Api,
    answering: Answering,
    storage: Storage,
    child: AppServer,
    stream: Stream,
    workers: Workers,
    tasks: TaskTracker,
    /// What runs the extensions.
    extensions: JoinHandle<()>,
    /// Cancelled when that has ended, and nobody had stopped it.
    lost: CancellationToken,
    /// Stops accepting, and with it the rest, in order.
    shutdown: CancellationToken,
    /// Stops the extensions, while there is still a child to answer.
    calls: CancellationToken,
    /// Stops what must outlive the child.
    stop: CancellationToken,
    address_file: PathBuf,
    _stop_on_drop: DropGuard,
    _locks: Vec<Lock>,
}

/// What [`Builder::build`] has made.
pub(crate) struct Parts {
    pub(crate) listeners: Listeners,
    pub(crate) answering: Answering,
    pub(crate) locks: Vec<Lock>,
    pub(crate) storage: Storage,
    pub(crate) child: AppServer,
    pub(crate) signals: Signals,
    pub(crate) intake: Intake,
    pub(crate) reconcile: Reconcile,
    pub(crate) deletions: Deletions,
    pub(crate) outbox: Outbox,
    pub(crate) runner: Runner,
    pub(crate) stream: Stream,
    pub(crate) services: Services,
    pub(crate) guard: Guard,
    pub(crate) stop: CancellationToken,
    pub(crate) retention: Retention,
    pub(crate) clock: Clock,
    pub(crate) address_file: PathBuf,
}

/// Why a running daemon ended otherwise than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Something did not finish within the grace period; what it was doing is left to the next start's recovery.
    #[error("some work did not finish within {} seconds and is left to recovery", GRACE.as_secs())]
    Unfinished,
    /// The store refused, again and again, what must not be lost. The next start tells what was cut short by that.
    #[error("the store refuses what it is given, and waiting does not mend it")]
    Storage(#[source] Error),
    /// Extensions decide nothing any more, and nothing else would show it. The log tells why.
    #[error("what runs the extensions has ended, and no extension would decide any more")]
    Extensions,
}

/// Stops a daemon from elsewhere. Clones stop the same one.
#[derive(Debug, Clone)]
pub struct ShutdownHandle(CancellationToken);

impl ShutdownHandle {
    /// Begins the shutdown; [`Daemon::run`] returns when it is done.
    pub fn shutdown(&self) {
        self.0.cancel();
    }
}

impl Daemon {
    /// Says what a daemon needs.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn start(parts: Parts) -> Self {
        let tasks = TaskTracker::new();
        let stop = parts.stop;
        let calls = stop.child_token();
        let lost = CancellationToken::new();
        let metrics =
            Metrics::new(parts.child.clone(), parts.storage.clone(), parts.stream.clone(), parts.runner.status());
        let extensions = tasks.spawn(attend(parts.runner.run(calls.clone()), calls.clone(), lost.clone()));
        tasks.spawn(parts.intake.run(parts.signals, stop.clone()));
        tasks.spawn(parts.outbox.run(stop.clone()));
        tasks.spawn(parts.deletions.run(stop.clone()));
        tasks.spawn(parts.reconcile.run(stop.clone()));
        tasks.spawn(parts.stream.clone().run(stop.clone()));
        tasks.spawn(retention::run(parts.storage.store().clone(), parts.retention, parts.clock, stop.clone()));
        let workers = Workers::new(parts.services.sessions.clone());
        let state = http::State { services: parts.services, stream: parts.stream.clone(), metrics };
        Self {
            listeners: parts.listeners,
            api: http::api(state, parts.guard),
            answering: parts.answering,
            storage: parts.storage,
            child: parts.child,
            stream: parts.stream,
            workers,
            tasks,
            extensions,
            lost,
            shutdown: CancellationToken::new(),
            calls,
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
            address_file: parts.address_file,
            _locks: parts.locks,
        }
    }

    /// Where it listens, unless on a Unix socket alone.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listeners.tcp()
    }

    /// The Unix socket that it listens on, if it does.
    pub fn unix_socket(&self) -> Option<&Path> {
        self.listeners.unix()
    }

    /// What its Codex is at, as it changes.
    pub(crate) fn codex(&self) -> watch::Receiver<ChildState> {
        self.child.state()
    }

    /// The last event that is committed, as it grows. What lies behind a number is read from the stream.
    pub fn head(&self) -> watch::Receiver<Seq> {
        self.storage.store().head()
    }

    /// Makes and uses sessions of workers, also while the daemon [runs](Self::run).
    pub fn workers(&self) -> Workers {
        self.workers.clone()
    }

    /// What stops it.
    pub fn shutdown_handle(&self) -> ShutdownHandle {
        ShutdownHandle(self.shutdown.clone())
    }

    /// Serves until told to stop: then requests and extensions under way finish, the child ends, and what it said last is
    /// taken in.
    ///
    /// # Errors
    /// [`RunError::Storage`] when it ended by itself, over its store, and [`RunError::Extensions`], over what runs the
    /// extensions; [`RunError::Unfinished`] when something hung.
    pub async fn run(self) -> Result<(), RunError> {
        let (shutdown, storage, stream) = (self.shutdown.clone(), self.storage.clone(), self.stream.clone());
        let lost = self.lost.clone();
        let serving = http::serve(self.listeners, self.api, async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = storage.given_up() => {}
                () = lost.cancelled() => {}
            }
            stream.close();
        });
        self.answering.run(serving).await;
        self.calls.cancel();
        if timeout(DECIDING_GRACE, decided(self.extensions, self.storage.store())).await.is_err() {
            tracing::warn!("the child ends before it was told all that extensions have decided");
        }
        // The child's last words end the intake, which takes them in; then the others may go.
        self.child.stop().await;
        self.stop.cancel();
        self.tasks.close();
        let finished = timeout(GRACE, self.tasks.wait()).await;
        self.storage.store().clone().close().await;
        // Best effort: a client that finds the address of a daemon that is gone is told that nobody answers.
        let _ = std::fs::remove_file(&self.address_file);
        match self.storage.state() {
            StorageState::GivenUp(error) => Err(RunError::Storage(error)),
            _ if self.lost.is_cancelled() => Err(RunError::Extensions),
            _ => finished.map_err(|_| RunError::Unfinished),
        }
    }
}

/// Waits for what runs the extensions. When it ends before it was told to, that is said, and `lost` is cancelled.
async fn attend(running: impl Future<Output = ()> + Send + 'static, calls: CancellationToken, lost: CancellationToken) {
    let ended = tokio::spawn(running).await;
    if let Err(error) = &ended {
        tracing::error!(%error, "what runs the extensions has failed");
    }
    if !calls.is_cancelled() {
        tracing::error!("what runs the extensions has ended by itself; the daemon ends");
        lost.cancel();
    }
}

/// Resolves when `extensions` has ended and the child was told what they decided last.
async fn decided(extensions: JoinHandle<()>, store: &Store) {
    // It has told of its failure itself.
    let _ = extensions.await;
    while store.read(has_replies).await.unwrap_or(false) {
        sleep(LOOK_EVERY).await;
    }
}

/// Whether an answer to the child is on its way. It will be written or be void, whatever the child does.
fn has_replies(view: &View<'_>) -> Result<bool, Error> {
    let has = |state| Ok(view.operations_in(state)?.iter().any(|operation| operation.kind == OperationKind::Reply));
    Ok(has(OperationState::Recorded)? || has(OperationState::Sending)?)
}

#[cfg(test)]
mod tests {
    use codex_manager_app_server::Phase;
    use tokio::sync::oneshot;

    use super::*;

    async fn daemon(folder: &tempfile::TempDir) -> Daemon {
        let builder = Daemon::builder().data_folder(folder.path().join("data")).codex("no-such-program");
        builder.listen(SocketAddr::from(([127, 0, 0, 1], 0))).build().await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_daemon_whose_store_refuses_for_good_ends_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let daemon = daemon(&folder).await;
        let storage = daemon.storage.clone();
        let refused = storage.insist(|_| Err::<(), _>(Error::Panicked));
        let (ended, refused) = tokio::join!(daemon.run(), refused);
        assert!(matches!(ended, Err(RunError::Storage(Error::Panicked))), "{ended:?}");
        assert!(matches!(refused, Err(Error::Panicked)));
    }

    #[tokio::test]
    async fn a_daemon_ends_and_says_so_when_what_runs_its_extensions_does() {
        let folder = tempfile::tempdir().unwrap();
        let daemon = daemon(&folder).await;
        tokio::spawn(attend(async { panic!("on purpose") }, daemon.calls.clone(), daemon.lost.clone()));
        let ended = timeout(Duration::from_secs(60), daemon.run()).await.expect("it ends");
        assert!(matches!(ended, Err(RunError::Extensions)), "{ended:?}");
    }

    #[tokio::test]
    async fn what_was_stopped_is_not_lost() {
        let (calls, lost) = (CancellationToken::new(), CancellationToken::new());
        calls.cancel();
        attend(async {}, calls, lost.clone()).await;
        assert!(!lost.is_cancelled());
    }

    #[tokio::test]
    async fn the_child_outlives_the_calls_of_extensions() {
        let folder = tempfile::tempdir().unwrap();
        let mut daemon = daemon(&folder).await;
        let (calls, child) = (daemon.calls.clone(), daemon.child.clone());
        let (tell, stopped_early) = oneshot::channel();
        daemon.extensions = tokio::spawn(async move {
            calls.cancelled().await;
            let stopped =
                timeout(DECIDING_GRACE / 10, child.state().wait_for(|s| s.phase == Phase::Stopped)).await.is_ok();
            tell.send(stopped).unwrap();
        });
        daemon.shutdown_handle().shutdown();
        daemon.run().await.unwrap();
        assert!(!stopped_early.await.unwrap(), "the child was stopped while a call was under way");
    }
}
