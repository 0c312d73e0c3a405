//! What a log is looked into for afterwards: when the daemon began, what Codex was at, and how it ended.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use codex_manager_app_server::ChildState;
use tokio::sync::watch;

use crate::service::state_word;
use crate::{Daemon, RunError};

/// One run of a daemon, in its log. Clones are of the same one.
#[derive(Clone)]
pub(super) struct Journal {
    begun: Instant,
    /// What it was told to stop by, and when.
    told: Arc<OnceLock<(&'static str, Instant)>>,
}

impl Journal {
    /// The daemon listens. From here on the states of its Codex are told too.
    pub(super) fn begin(daemon: &Daemon, address: &str, data_folder: &str, codex: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        tracing::info!(address, data_folder, version, codex, "the daemon listens");
        tokio::spawn(tell(daemon.codex()));
        Self { begun: Instant::now(), told: Arc::default() }
    }

    /// It was told to stop.
    pub(super) fn stopping(&self, reason: &'static str) {
        if self.told.set((reason, Instant::now())).is_ok() {
            tracing::info!(reason, "the daemon stops; it finishes what is under way");
        }
    }

    /// It has ended.
    pub(super) fn end(&self, ended: &Result<(), RunError>) {
        let ran_s = self.begun.elapsed().as_secs();
        let (by_whom, took_ms) = match self.told.get() {
            Some((reason, at)) => (*reason, Some(u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX))),
            None => ("by itself", None),
        };
        match ended {
            Ok(()) => tracing::info!(reason = by_whom, took_ms, ran_s, "the daemon has stopped"),
            Err(error) => tracing::error!(reason = by_whom, took_ms, ran_s, %error, "the daemon has stopped"),
        }
    }
}

/// Tells each state that Codex comes to, until the daemon is gone.
async fn tell(mut codex: watch::Receiver<ChildState>) {
    let mut last = None;
    loop {
        let state = codex.borrow_and_update().clone();
        let now = (state_word(&state), state.restarts);
        if last != Some(now) {
            let (version, pid) = (state.version.as_deref().filter(|_| state.is_ready()), state.pid);
            tracing::info!(state = now.0, version, pid, "codex");
            last = Some(now);
        }
        if codex.changed().await.is_err() {
            return;
        }
    }
}
