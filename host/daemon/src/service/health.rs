//! Health: what anybody may know. No ids of sessions and no secrets: this needs no token. A path at most where a program
//! that is needed cannot be used, for whoever has to mend that.
//!
//! Three questions, for three askers: how it is, for people; whether it lives, for whoever would start it anew; whether it
//! can do its work now, for whoever would send it some.

mod home;
mod inquiry;
mod told;

use bytes::Bytes;
use codex_manager_app_server::{AppServer, ChildState, Contained, Phase};
use codex_manager_extension::{Allocation, ExtensionId, State};
use codex_manager_model::Clock;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::extensions::Status;
use crate::storage::{Storage, StorageState};
pub(crate) use home::CodexHome;
use inquiry::{Configuration, Inquiry};
use told::Told;

/// The use case of health.
#[derive(Clone)]
pub(crate) struct Health {
    child: AppServer,
    storage: Storage,
    extensions: Status,
    clock: Clock,
    auth: Auth,
    inquiry: Inquiry,
    told: Told,
}

/// What is known of Codex's login, without asking Codex.
#[derive(Debug, Clone)]
pub(crate) struct Auth {
    pub(crate) has_openai_api_key: bool,
    /// Where a login leaves its file.
    pub(crate) home: CodexHome,
}

/// How the daemon is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HealthReport {
    /// `ok`: it answers.
    status: &'static str,
    service: &'static str,
    codex: CodexHealth,
    storage: StorageHealth,
    extensions: ExtensionsHealth,
    orchestrator_queue: QueueHealth,
    auth: AuthHealth,
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
}

/// How the app-server is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CodexHealth {
    running: bool,
    pid: Option<u32>,
    initialized: bool,
    /// `ready`, and `hanging` when it lets calls wait and says nothing; else what it is on its way to.
    state: &'static str,
    /// Why it cannot be used, where that is so.
    reason: Option<String>,
    version: Option<String>,
    /// How many lives in a row ended quickly.
    attempt: Option<u32>,
    /// When it is started again.
    #[schema(value_type = Option<String>, format = DateTime)]
    retry_at: Option<Timestamp>,
    restarts: u64,
    /// Whether Codex can use its own configuration: `ok`, `refused`, and `unknown` before it has said so. One that it
    /// refuses has it begin no session; `codex-manager doctor` tells what is wrong with it.
    configuration: &'static str,
    contained: Containment,
    last_exit: Option<LastExit>,
}

/// Whether the app-server is kept from what is the daemon's.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Containment {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What it means if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<&'static str>,
}

/// How a life of the app-server ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LastExit {
    code: Option<i32>,
    signal: Option<i32>,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// Whether the store takes what it is given.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StorageHealth {
    state: &'static str,
}

/// How extensions are run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExtensionsHealth {
    /// Approved, and nobody compiles it yet, or nobody can.
    approved: usize,
    compiling: usize,
    ready: usize,
    /// Of which a version is called: the approved one, or the one before it while that is compiled.
    running: usize,
    disabled: usize,
    quarantined: usize,
    /// Those that may decide what Codex asks, and of which nothing runs. Only a person accepts what they would decide.
    #[schema(value_type = Vec<String>)]
    missing: Vec<ExtensionId>,
    allocation: &'static str,
    reason: Option<String>,
}

/// Whether there is a queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueHealth {
    enabled: bool,
}

/// What is known of Codex's login.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuthHealth {
    has_open_ai_api_key: bool,
    codex_home_auth_file: bool,
    /// No sign of a login, and Codex does not say that it needs none.
    likely_unauthenticated: bool,
}

/// Why no work can be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unready {
    /// The store takes nothing.
    Storage,
    /// Codex takes no calls, or lets them wait.
    Codex,
    /// Codex cannot use its own configuration, and begins no session.
    CodexConfiguration,
}

impl Health {
    pub(crate) fn new(child: AppServer, storage: Storage, extensions: Status, clock: Clock, auth: Auth) -> Self {
        let inquiry = Inquiry::new(child.clone(), auth.home.clone());
        Self { child, storage, extensions, clock, auth, inquiry, told: Told::default() }
    }

    /// How the daemon is, as JSON: a [`HealthReport`].
    pub(crate) fn tell(&self) -> Bytes {
        self.told.or_anew(|| {
            let (child, storage) = (self.child.state(), self.storage.changes());
            let changed = move || child.has_changed().unwrap_or(true) || storage.has_changed().unwrap_or(true);
            let report = serde_json::to_vec(&self.report()).expect("a report is JSON");
            (Box::new(changed), report.into())
        })
    }

    fn report(&self) -> HealthReport {
        let has_file = self.auth.home.look().login.is_some();
        let (has_key, said) = (self.auth.has_openai_api_key, self.inquiry.last());
        HealthReport {
            status: "ok",
            service: "api",
            codex: codex(&self.child.state().borrow(), said.configuration),
            storage: StorageHealth { state: self.storage.state().as_str() },
            extensions: extensions(&self.extensions),
            orchestrator_queue: QueueHealth { enabled: false },
            auth: AuthHealth {
                has_open_ai_api_key: has_key,
                codex_home_auth_file: has_file,
                likely_unauthenticated: !has_key && !has_file && said.lacks_login != Some(false),
            },
            timestamp: self.clock.now(),
        }
    }

    /// Whether it can do its work now. What an earlier run left was taken up before anybody could ask.
    pub(crate) async fn ready(&self) -> Result<(), Unready> {
        let store = self.storage.store();
        // Nobody may have written since there is room again, so it is tried.
        let refuses = store.stats().refuses && store.write(|tx| tx.touch_log()).await.is_err();
        if refuses || !matches!(self.storage.state(), StorageState::Ok) {
            return Err(Unready::Storage);
        }
        if !self.child.state().borrow().is_well() {
            return Err(Unready::Codex);
        }
        match self.inquiry.now().await.configuration {
            Configuration::Refused => Err(Unready::CodexConfiguration),
            Configuration::Ok | Configuration::Unknown => Ok(()),
        }
    }
}

impl Unready {
    /// In a word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Storage => "storage",
            Self::Codex => "codex",
            Self::CodexConfiguration => "codex-configuration",
        }
    }
}

fn extensions(status: &Status) -> ExtensionsHealth {
    let (allocation, reason) = match status.allocation() {
        Allocation::Pooled => ("pooled", None),
        Allocation::OnDemand { reason } => ("on-demand", Some(reason.to_string())),
    };
    let overview = status.overview();
    let count = |state: State| overview.states.get(&state).copied().unwrap_or(0);
    ExtensionsHealth {
        approved: count(State::Approved),
        compiling: count(State::Compiling),
        ready: count(State::Ready),
        running: overview.running,
        disabled: count(State::Disabled),
        quarantined: count(State::Quarantined),
        missing: overview.missing,
        allocation,
        reason,
    }
}

/// The word for the state that the app-server is in.
pub(crate) fn word(state: &ChildState) -> &'static str {
    match &state.phase {
        Phase::Starting => "starting",
        Phase::Ready if !state.answers => "hanging",
        Phase::Ready => "ready",
        Phase::Restarting { .. } => "restarting",
        Phase::CrashLoop { .. } => "crash-loop",
        Phase::Unusable { .. } => "unusable",
        Phase::Ending => "ending",
        Phase::Stopped => "stopped",
    }
}

fn codex(state: &ChildState, configuration: Configuration) -> CodexHealth {
    let (attempt, retry_at, reason) = match &state.phase {
        Phase::Restarting { attempt, retry_at } | Phase::CrashLoop { attempt, retry_at } => {
            (Some(*attempt), Some(*retry_at), None)
        }
        Phase::Unusable { reason } => (None, None, Some(reason.clone())),
        _ => (None, None, None),
    };
    CodexHealth {
        running: state.pid.is_some(),
        pid: state.pid,
        initialized: state.is_ready(),
        state: word(state),
        reason,
        version: state.version.clone(),
        attempt,
        retry_at,
        restarts: state.restarts,
        configuration: configuration.as_str(),
        contained: contained(state),
        last_exit: state.last_exit.as_ref().map(|exit| LastExit { code: exit.code, signal: exit.signal, at: exit.at }),
    }
}

/// Whether the child is kept from what is ours, and what it means if it is not.
pub(crate) fn contained(state: &ChildState) -> Containment {
    match &state.contained {
        Contained::Yes { .. } => Containment { state: "contained", reason: None, meaning: None },
        Contained::No { reason } => {
            Containment { state: "not contained", reason: Some(reason.clone()), meaning: Some(NOT_CONTAINED) }
        }
    }
}

/// What it means that the child is not contained, for people.
pub(crate) const NOT_CONTAINED: &str = "commands that Codex runs can read this daemon's data folder and its token, and \
     use its API as you; what they leave running may outlive it";
