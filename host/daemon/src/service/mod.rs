//! Use cases: what clients, extensions and jobs can have done, whoever they are. One noun a file.
//!
//! A service decides and records; it knows no status codes, no frames and no SQL. Everything that reaches the child goes
//! through the [outbox](crate::outbox).

mod approvals;
mod cwd;
pub(crate) mod error;
mod extensions;
mod health;
mod history;
mod operations;
mod sessions;
mod summary;
mod supplement;
pub(crate) mod tokens;
pub(crate) mod transcripts;

use std::time::Duration;

use codex_manager_app_server::{AppServer, ChildState, Phase};
use codex_manager_model::Clock;

pub(crate) use approvals::{Approvals, Decide, decide_in};
pub(crate) use error::{Error, Kind};
pub(crate) use extensions::{Approve, Extensions, ListInvocations};
pub(crate) use health::{Auth, Health};
pub(crate) use history::item_row;
pub(crate) use operations::Operations;
pub(crate) use sessions::{CreateSession, Defaults, Interrupt, ListSessions, SendMessage, Sessions};
pub(crate) use summary::summary;
pub(crate) use tokens::{TokenFileError, Tokens};
pub(crate) use transcripts::Transcripts;

/// Every use case. Clones share what is behind them.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) sessions: Sessions,
    pub(crate) transcripts: Transcripts,
    pub(crate) approvals: Approvals,
    pub(crate) operations: Operations,
    pub(crate) extensions: Extensions,
    pub(crate) tokens: Tokens,
    pub(crate) health: Health,
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
    tokio::spawn(work).await.unwrap_or_else(|failed| Err(Error::internal(failed)))
}

/// That the child takes calls now. Checked before anything is recorded.
fn require_ready(child: &AppServer, clock: &Clock) -> Result<(), Error> {
    let state = child.state().borrow().clone();
    if state.is_ready() { Ok(()) } else { Err(unavailable(&state, clock)) }
}

fn unavailable(state: &ChildState, clock: &Clock) -> Error {
    let (code, message, delay) = match &state.phase {
        Phase::Starting => ("codex_starting", "the app-server is starting".to_owned(), RETRY_AFTER),
        Phase::Ending => ("codex_restarting", GONE.to_owned(), RETRY_AFTER),
        Phase::Restarting { retry_at, .. } | Phase::CrashLoop { retry_at, .. } => {
            let left = Duration::try_from(retry_at.duration_since(clock.now())).unwrap_or_default();
            ("codex_restarting", GONE.to_owned(), left.max(RETRY_AFTER))
        }
        Phase::Unusable { reason } => ("codex_unusable", format!("the app-server cannot be used: {reason}"), LONG),
        Phase::Stopped | Phase::Ready => ("codex_stopped", "the daemon is stopping".to_owned(), RETRY_AFTER),
    };
    Error::new(Kind::Unavailable, code, message)
        .hint("nothing was recorded; try again after the time in Retry-After")
        .retry_after(delay)
}
