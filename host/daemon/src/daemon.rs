//! A daemon that runs, and how it stops.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use codex_manager_app_server::{AppServer, Signals};
use codex_manager_model::{Clock, Seq};
use codex_manager_store::{Error, Lock};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::builder::Builder;
use crate::http::{self, Guard};
use crate::intake::Intake;
use crate::outbox::Outbox;
use crate::retention;
use crate::service::Services;
use crate::storage::{Storage, StorageState};
use crate::stream::Stream;

/// How long what is under way may take to finish after the child is gone.
const GRACE: Duration = Duration::from_secs(5);

/// A daemon: bound, its child on its way, not yet serving. [`run`](Self::run) serves.
///
/// Dropping it stops everything, as far as that goes without waiting.
pub struct Daemon {
    address: SocketAddr,
    listener: TcpListener,
    router: axum::Router,
    storage: Storage,
    child: AppServer,
    stream: Stream,
    tasks: TaskTracker,
    /// Stops accepting, and with it the rest, in order.
    shutdown: CancellationToken,
    /// Stops what must outlive the child.
    stop: CancellationToken,
    address_file: PathBuf,
    _stop_on_drop: DropGuard,
    _locks: Vec<Lock>,
}

/// What [`Builder::build`] has made.
pub(crate) struct Parts {
    pub(crate) address: SocketAddr,
    pub(crate) listener: TcpListener,
    pub(crate) locks: Vec<Lock>,
    pub(crate) storage: Storage,
    pub(crate) child: AppServer,
    pub(crate) signals: Signals,
    pub(crate) intake: Intake,
    pub(crate) outbox: Outbox,
    pub(crate) stream: Stream,
    pub(crate) services: Services,
    pub(crate) guard: Guard,
    pub(crate) stop: CancellationToken,
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
        tasks.spawn(parts.intake.run(parts.signals, stop.clone()));
        tasks.spawn(parts.outbox.run(stop.clone()));
        tasks.spawn(parts.stream.clone().run(stop.clone()));
        tasks.spawn(retention::run(parts.storage.store().clone(), retention::KEPT, parts.clock, stop.clone()));
        let state = http::State { services: parts.services, stream: parts.stream.clone(), guard: parts.guard };
        Self {
            address: parts.address,
            listener: parts.listener,
            router: http::router(state),
            storage: parts.storage,
            child: parts.child,
            stream: parts.stream,
            tasks,
            shutdown: CancellationToken::new(),
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
            address_file: parts.address_file,
            _locks: parts.locks,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The last event that is committed, as it grows. What lies behind a number is read from the stream.
    pub fn head(&self) -> watch::Receiver<Seq> {
        self.storage.store().head()
    }

    /// What stops it.
    pub fn shutdown_handle(&self) -> ShutdownHandle {
        ShutdownHandle(self.shutdown.clone())
    }

    /// Serves until told to stop: then requests under way finish, the child ends, and what it said last is taken in.
    ///
    /// # Errors
    /// [`RunError::Storage`] when it ended by itself, over its store; [`RunError::Unfinished`] when something hung.
    pub async fn run(self) -> Result<(), RunError> {
        let (shutdown, storage, stream) = (self.shutdown.clone(), self.storage.clone(), self.stream.clone());
        http::serve(self.listener, self.router, async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = storage.given_up() => {}
            }
            stream.close();
        })
        .await;
        // The child's last words end the intake, which takes them in; then the others may go.
        self.child.stop().await;
        self.stop.cancel();
        self.tasks.close();
        let finished = tokio::time::timeout(GRACE, self.tasks.wait()).await;
        self.storage.store().clone().close().await;
        // Best effort: a client that finds the address of a daemon that is gone is told that nobody answers.
        let _ = std::fs::remove_file(&self.address_file);
        match self.storage.state() {
            StorageState::GivenUp(error) => Err(RunError::Storage(error)),
            _ => finished.map_err(|_| RunError::Unfinished),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_daemon_whose_store_refuses_for_good_ends_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let builder = Daemon::builder().data_folder(folder.path().join("data")).codex("no-such-program");
        let daemon = builder.listen(SocketAddr::from(([127, 0, 0, 1], 0))).build().await.unwrap();
        let storage = daemon.storage.clone();
        let refused = storage.insist(|_| Err::<(), _>(Error::Panicked));
        let (ended, refused) = tokio::join!(daemon.run(), refused);
        assert!(matches!(ended, Err(RunError::Storage(Error::Panicked))), "{ended:?}");
        assert!(matches!(refused, Err(Error::Panicked)));
    }
}
