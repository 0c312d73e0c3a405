//! Use cases: what clients, extensions and jobs can have done, whoever they are. One noun a file.
//!
//! A service decides and records; it knows no status codes, no frames and no SQL. Everything that reaches the child goes
//! through the [outbox](crate::outbox).

pub(crate) mod answers;
mod audit;
mod backups;
mod child;
pub(crate) mod code;
pub(crate) mod codex;
mod controls;
mod cwd;
mod deletion;
pub(crate) mod error;
mod extensions;
mod health;
mod history;
mod interactions;
pub(crate) mod jobs;
pub(crate) mod keyed;
mod metrics;
pub(crate) mod names;
mod operations;
mod projects;
pub(crate) mod requests;
pub(crate) mod sessions;
mod settings;
mod suggestions;
mod summary;
pub(crate) mod tokens;
pub(crate) mod transcripts;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use codex_manager_app_server::{AppServer, ChildState, Phase};
use codex_manager_model::Clock;

pub(crate) use audit::{Acted, Audit, AuditPage};
pub(crate) use backups::Backups;
pub(crate) use child::{Child, taken};
pub(crate) use codex::Codex;
pub(crate) use controls::{Applied, ApplyControls, DefaultControls, SessionControls, SetApprovalPolicy, Standing};
pub(crate) use deletion::{DeletedSession, Deletion};
pub(crate) use error::{Error, Kind};
pub(crate) use extensions::{Approve, Extensions, ListInvocations, Require, Stood};
pub(crate) use health::{Auth, CodexHome, Containment, Health, HealthReport, word as state_word};
pub(crate) use history::{Reading, is_unwritten, item_row};
pub(crate) use interactions::{
    Answered, ApprovalPage, CallResponse, Decide, DecideInput, Decided, Interactions, ListInteractions, Page,
    ToolCallPage, ToolInputPage, decide_in, house, interaction_asked, interaction_resolved, is_well_formed, refusal,
    worker_was_refused,
};
pub(crate) use metrics::{Measured, Metrics};
pub(crate) use operations::Operations;
pub(crate) use projects::{
    AgentSessions, ChatsDeleted, ChatsMoved, MoveChats, NameProject, ProjectDeleted, ProjectList, ProjectMade,
    ProjectRenamed, ProjectSet, Projects, SetProject,
};
pub(crate) use requests::Requests;
pub(crate) use sessions::{Defaults, Sessions};
pub(crate) use settings::{
    ReadSettings, RemoveSetting, SetSettings, SettingRemoved, Settings, SettingsKept, ShownSettings,
};
pub(crate) use suggestions::{AskSuggestion, PutSuggestion, SuggestionKept, Suggestions};
pub(crate) use summary::summary;
pub(crate) use tokens::{TokenFileError, Tokens};
pub(crate) use transcripts::{Transcripts, WrittenEntry};

/// Every use case. Clones are the same; each request takes some.
#[derive(Clone)]
pub(crate) struct Services(Arc<UseCases>);

impl Services {
    pub(crate) fn new(use_cases: UseCases) -> Self {
        Self(Arc::new(use_cases))
    }
}

impl Deref for Services {
    type Target = UseCases;

    fn deref(&self) -> &UseCases {
        &self.0
    }
}

/// The use cases, by their nouns.
pub(crate) struct UseCases {
    pub(crate) answers: answers::Answers,
    pub(crate) sessions: Sessions,
    pub(crate) transcripts: Transcripts,
    pub(crate) deletion: Deletion,
    pub(crate) projects: Projects,
    pub(crate) controls: SessionControls,
    pub(crate) settings: Settings,
    pub(crate) suggestions: Suggestions,
    pub(crate) interactions: Interactions,
    pub(crate) operations: Operations,
    pub(crate) extensions: Extensions,
    pub(crate) requests: requests::Requests,
    pub(crate) tokens: Tokens,
    pub(crate) audit: Audit,
    pub(crate) codex: Codex,
    pub(crate) health: Health,
    pub(crate) backups: Backups,
}

/// How long to wait for a child that is on its way, when nothing better is known.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long until it is worth asking a child again that somebody has to mend first.
const LONG: Duration = Duration::from_secs(60);

const GONE: &str = "the app-server is gone and is being started again";

/// Goes on although whoever asked may be gone: what was begun in one place has to be told in the other.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(keyed::Keyed::present().along(work)).await.unwrap_or_else(|failed| Err(Error::internal(failed)))
}

/// That the child takes calls now. Checked before anything is recorded.
fn require_ready(child: &AppServer, clock: &Clock) -> Result<(), Error> {
    let state = child.state().borrow().clone();
    if state.is_ready() { Ok(()) } else { Err(unavailable(&state, clock)) }
}

fn unavailable(state: &ChildState, clock: &Clock) -> Error {
    let (code, message, delay) = match &state.phase {
        Phase::Starting => (code::CODEX_STARTING, "the app-server is starting".to_owned(), RETRY_AFTER),
        Phase::Ending => (code::CODEX_RESTARTING, GONE.to_owned(), RETRY_AFTER),
        Phase::Restarting { retry_at, .. } | Phase::CrashLoop { retry_at, .. } => {
            let left = Duration::try_from(retry_at.duration_since(clock.now())).unwrap_or_default();
            (code::CODEX_RESTARTING, GONE.to_owned(), left.max(RETRY_AFTER))
        }
        Phase::Unusable { reason } => (code::CODEX_UNUSABLE, format!("the app-server cannot be used: {reason}"), LONG),
        Phase::Stopped | Phase::Ready => (code::CODEX_STOPPED, "the daemon is stopping".to_owned(), RETRY_AFTER),
    };
    Error::new(code, message).hint("nothing was recorded; try again after the time in Retry-After").retry_after(delay)
}
