//! What the supervisor and its handles share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use codex_manager_model::Generation;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::connection::Connection;
use crate::{ChildState, Contained, Exit, Phase, Version};

/// The state for everybody to see, and the connection while there is one.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) state: watch::Sender<ChildState>,
    pub(crate) stopping: CancellationToken,
    connection: Mutex<Option<Connection>>,
}

impl Shared {
    pub(crate) fn new() -> Self {
        let state = watch::Sender::new(ChildState::new());
        Self { state, stopping: CancellationToken::new(), connection: Mutex::new(None) }
    }

    /// The connection to the child that is ready, if one is.
    pub(crate) fn connection(&self) -> Option<Connection> {
        self.lock().clone()
    }

    /// It is known how the child will be started.
    pub(crate) fn prepared(&self, contained: Contained) {
        self.state.send_modify(|state| state.contained = contained);
    }

    /// A life begins.
    pub(crate) fn starting(&self, generation: Generation, restarts: u64) {
        self.state.send_modify(|state| {
            state.phase = Phase::Starting;
            state.answers = true;
            state.generation = Some(generation);
            state.restarts = restarts;
        });
    }

    /// The child can be called. The connection is there before anybody hears of it.
    pub(crate) fn ready(&self, connection: Connection, pid: Option<u32>, version: &Version) {
        *self.lock() = Some(connection);
        self.state.send_modify(|state| {
            state.phase = Phase::Ready;
            state.pid = pid;
            state.version = Some(version.to_string());
        });
    }

    /// The child was found to answer, or not to.
    pub(crate) fn answers(&self, answers: bool) {
        self.state.send_if_modified(|state| std::mem::replace(&mut state.answers, answers) != answers);
    }

    /// The child is about to end, or has: nothing more is written to it.
    pub(crate) fn ending(&self) {
        *self.lock() = None;
        self.state.send_modify(|state| state.phase = Phase::Ending);
    }

    /// A life is over, and this comes next.
    pub(crate) fn ended(&self, exit: Option<Exit>, next: Phase) {
        *self.lock() = None;
        self.state.send_modify(|state| {
            state.phase = next;
            state.generation = None;
            state.pid = None;
            state.last_exit = exit.or(state.last_exit.take());
        });
    }

    fn lock(&self) -> MutexGuard<'_, Option<Connection>> {
        // It is only ever replaced as a whole.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
