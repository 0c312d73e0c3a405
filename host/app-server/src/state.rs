//! What is known of the child at this moment.

use std::fmt;
use std::path::PathBuf;

use codex_manager_model::Generation;
use jiff::Timestamp;

/// The child as the supervisor sees it. Watch it through [`AppServer::state`](crate::AppServer::state).
#[derive(Debug, Clone, PartialEq)]
pub struct ChildState {
    /// Whether it can be called.
    pub phase: Phase,
    /// Whether it answers: `false` when it has said nothing for a while although calls wait and it was asked once more.
    /// It may still come to itself; until then it takes calls, and lets them wait.
    pub answers: bool,
    /// The life that is running; `None` between lives.
    pub generation: Option<Generation>,
    /// The app-server's own process id as this machine sees it, also when it is contained. Known once it is ready.
    pub pid: Option<u32>,
    /// The version that the last child named.
    pub version: Option<String>,
    /// How often it was started after the first time.
    pub restarts: u64,
    /// How the last life ended, handshake or not.
    pub last_exit: Option<Exit>,
    /// Whether its commands are kept from what this program keeps.
    pub contained: Contained,
}

impl ChildState {
    /// Whether it takes calls, and was not found to let them wait.
    pub fn is_well(&self) -> bool {
        self.is_ready() && self.answers
    }

    /// Whether it takes calls.
    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    pub(crate) fn new() -> Self {
        Self {
            phase: Phase::Starting,
            answers: true,
            generation: None,
            pid: None,
            version: None,
            restarts: 0,
            last_exit: None,
            contained: Contained::No { reason: "nothing was started yet".to_owned() },
        }
    }
}

/// Whether the child can be called, and if not, what is being done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// It was started and has not finished the handshake.
    Starting,
    /// It takes calls.
    Ready,
    /// It has ended, or is being ended; what it last said is being read.
    Ending,
    /// It ended and will be started again.
    Restarting {
        /// How many lives in a row ended quickly, from 1.
        attempt: u32,
        /// When it will be started.
        retry_at: Timestamp,
    },
    /// It ended quickly too many times in a row. It will be started again all the same, at the longest delay.
    CrashLoop {
        /// How many lives in a row ended quickly.
        attempt: u32,
        /// When it will be started.
        retry_at: Timestamp,
    },
    /// It cannot be used, and trying again will not help: missing, too old, not to be contained although it must be, or
    /// what it or its containment relies on is not what it was at the start.
    Unusable {
        /// A sentence for people.
        reason: String,
    },
    /// [`AppServer::stop`](crate::AppServer::stop) was called.
    Stopped,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting"),
            Self::Ready => f.write_str("ready"),
            Self::Ending => f.write_str("ending"),
            Self::Restarting { attempt, retry_at } => write!(f, "restarting (attempt {attempt} at {retry_at})"),
            Self::CrashLoop { attempt, retry_at } => write!(f, "in a crash loop (attempt {attempt} at {retry_at})"),
            Self::Unusable { reason } => write!(f, "unusable: {reason}"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

/// Whether the child runs in namespaces of its own, with what must be kept from it masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contained {
    /// It does.
    Yes {
        /// The bubblewrap that does it.
        by: PathBuf,
    },
    /// It does not.
    No {
        /// Why, and what that means, for people.
        reason: String,
    },
}

/// How a life of the child ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code, where it exited by itself.
    pub code: Option<i32>,
    /// The signal that ended it, where one did.
    pub signal: Option<i32>,
    /// When its end was noticed.
    pub at: Timestamp,
    /// What happened, with the end of its standard error where that says something. For people.
    pub reason: String,
}
