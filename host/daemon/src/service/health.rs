//! Health: what anybody may know. No paths, no ids of sessions, no secrets: this is the one answer that needs no token.

use std::path::PathBuf;

use codex_manager_app_server::{AppServer, ChildState, Contained, Phase};
use codex_manager_extension::Allocation;
use codex_manager_model::Clock;
use serde_json::{Value, json};

use crate::extensions::Status;
use crate::storage::Storage;

/// The use case of health.
#[derive(Clone)]
pub(crate) struct Health {
    child: AppServer,
    storage: Storage,
    extensions: Status,
    clock: Clock,
    auth: Auth,
}

/// What is known of Codex's login, without asking Codex.
#[derive(Debug, Clone)]
pub(crate) struct Auth {
    pub(crate) has_openai_api_key: bool,
    /// The file that a login leaves, wherever `CODEX_HOME` is known. It may come and go.
    pub(crate) file: Option<PathBuf>,
}

impl Health {
    pub(crate) fn new(child: AppServer, storage: Storage, extensions: Status, clock: Clock, auth: Auth) -> Self {
        Self { child, storage, extensions, clock, auth }
    }

    /// Health, in the reference's shape; the child's state and the store's are additions.
    pub(crate) fn get(&self) -> Value {
        let state = self.child.state().borrow().clone();
        let has_file = self.auth.file.as_ref().is_some_and(|file| file.is_file());
        json!({
            "status": "ok",
            "service": "api",
            "codex": codex(&state),
            "storage": { "state": self.storage.state().as_str() },
            "extensions": extensions(&self.extensions),
            "orchestratorQueue": { "enabled": false },
            "auth": {
                "hasOpenAiApiKey": self.auth.has_openai_api_key,
                "codexHomeAuthFile": has_file,
                "likelyUnauthenticated": !self.auth.has_openai_api_key && !has_file,
            },
            "timestamp": self.clock.now().to_string(),
        })
    }
}

fn extensions(status: &Status) -> Value {
    let (allocation, reason) = match status.allocation() {
        Allocation::Pooled => ("pooled", None),
        Allocation::OnDemand { reason } => ("on-demand", Some(reason)),
    };
    json!({ "running": status.running(), "allocation": allocation, "reason": reason })
}

fn codex(state: &ChildState) -> Value {
    let (word, attempt, retry_at, reason) = match &state.phase {
        Phase::Starting => ("starting", None, None, None),
        Phase::Ready => ("ready", None, None, None),
        Phase::Restarting { attempt, retry_at } => ("restarting", Some(attempt), Some(retry_at), None),
        Phase::CrashLoop { attempt, retry_at } => ("crash-loop", Some(attempt), Some(retry_at), None),
        Phase::Unusable { reason } => ("unusable", None, None, Some(reason)),
        Phase::Ending => ("ending", None, None, None),
        Phase::Stopped => ("stopped", None, None, None),
    };
    json!({
        "running": state.pid.is_some(),
        "pid": state.pid,
        "initialized": state.is_ready(),
        "state": word,
        "reason": reason,
        "version": state.version,
        "attempt": attempt,
        "retryAt": retry_at.map(ToString::to_string),
        "restarts": state.restarts,
        "contained": contained(state),
        "lastExit": state.last_exit.as_ref().map(|exit| json!({
            "code": exit.code,
            "signal": exit.signal,
            "at": exit.at.to_string(),
        })),
    })
}

/// Whether the child is kept from what is ours, and what it means if it is not.
pub(crate) fn contained(state: &ChildState) -> Value {
    match &state.contained {
        Contained::Yes { .. } => json!({ "state": "contained" }),
        Contained::No { reason } => json!({ "state": "not contained", "reason": reason, "meaning": NOT_CONTAINED }),
    }
}

/// What it means that the child is not contained, for people.
pub(crate) const NOT_CONTAINED: &str = "commands that Codex runs can read this daemon's data folder and its token, and \
     use its API as you; what they leave running may outlive it";
