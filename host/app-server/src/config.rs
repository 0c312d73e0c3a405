//! What the supervisor is told before it starts.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use codex_manager_model::{Clock, Generation, limits};
use thiserror::Error;

use crate::shared::Shared;
use crate::supervisor::Supervisor;
use crate::{AppServer, Backoff, Containment, Environment, Jitter, Signals, Timeouts, signals};

/// How to start the app-server and how to treat it. The fields are public; [`new`](Self::new) fills all but two.
#[derive(Debug, Clone)]
pub struct Config {
    /// The `codex` to run: a path, or a name to be found on `PATH`. The launcher of the npm package is followed to the
    /// binary that it would start.
    pub program: PathBuf,
    /// Its arguments; `["app-server"]` unless changed.
    pub arguments: Vec<OsString>,
    /// The folder it starts in. It must exist.
    pub folder: PathBuf,
    /// `CODEX_HOME`; `None` leaves it to the environment and to Codex. It must exist, or Codex exits at once.
    pub codex_home: Option<PathBuf>,
    /// The environment it gets.
    pub environment: Environment,
    /// What is kept from it.
    pub containment: Containment,
    /// Where its standard error goes, up to 4 MiB, with the 4 MiB before beside it in `<file>.1`; `None` keeps no log.
    pub stderr: Option<PathBuf>,
    /// How this program introduces itself.
    pub client: ClientInfo,
    /// The value of [`MARKER_VARIABLE`](crate::MARKER_VARIABLE) in the child's environment, by which
    /// [`leftovers`](crate::leftovers) finds what survived. Anything, as long as it names this host and stays the same.
    pub marker: String,
    /// How long to wait between lives.
    pub backoff: Backoff,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// The time.
    pub clock: Clock,
    /// The chance in delays.
    pub jitter: Jitter,
    /// How many signals wait at most; see [`Signals`].
    pub signals_max: usize,
    /// How many bytes of signals wait at most.
    pub signals_bytes_max: usize,
    /// The longest line taken from the child, in bytes.
    pub line_bytes_max: usize,
}

/// How this program introduces itself in the handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientInfo {
    /// A short name, which Codex puts into its user agent and its rollouts.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// The version of this program.
    pub version: String,
}

impl Default for ClientInfo {
    fn default() -> Self {
        Self {
            name: "codex_manager".to_owned(),
            title: "Codex Manager".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Why supervision could not begin. A child that cannot be started is no such reason: that is told by
/// [`Phase`](crate::Phase).
#[derive(Debug, Error)]
pub enum BuildError {
    /// There is no tokio runtime here.
    #[error("not within a tokio runtime")]
    NoRuntime,
    /// `CODEX_HOME` is one of the folders to be masked, or leads into one by a link: giving it back would unmask that.
    #[error("CODEX_HOME {codex_home} is, or leads by a link into, a folder that is to be kept from the child")]
    MaskedHome {
        /// The folder.
        codex_home: PathBuf,
    },
    /// The thread that starts children could not be started.
    #[error("could not start the launcher thread")]
    Thread {
        /// What the system said.
        source: std::io::Error,
    },
}

impl Config {
    /// The defaults for running `program` in `folder`: contained where that is possible, with nothing masked.
    pub fn new(program: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: vec!["app-server".into()],
            folder: folder.into(),
            codex_home: None,
            environment: Environment::default(),
            containment: Containment::default(),
            stderr: None,
            client: ClientInfo::default(),
            marker: Generation::fresh().to_string(),
            backoff: Backoff::default(),
            timeouts: Timeouts::default(),
            clock: Clock::system(),
            jitter: Jitter::random(),
            signals_max: limits::CHILD_SIGNALS_MAX,
            signals_bytes_max: limits::CHILD_SIGNALS_BYTES_MAX,
            line_bytes_max: limits::CHILD_LINE_BYTES_MAX,
        }
    }

    /// Starts to supervise: the first child is on its way when this returns. Must be called in a tokio runtime. The
    /// child lives until [`AppServer::stop`], or until every handle is dropped.
    pub fn build(self) -> Result<(AppServer, Signals), BuildError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| BuildError::NoRuntime)?;
        if let Some(codex_home) = &self.codex_home
            && !self.containment.allows_home(codex_home)
        {
            return Err(BuildError::MaskedHome { codex_home: codex_home.clone() });
        }
        let (sender, signals) = signals::channel(self.signals_max, self.signals_bytes_max);
        let shared = Arc::new(Shared::new());
        let handle = AppServer::new(Arc::clone(&shared), self.timeouts, self.jitter.clone());
        let supervisor = Supervisor::new(self, shared, sender).map_err(|source| BuildError::Thread { source })?;
        runtime.spawn(supervisor.run());
        Ok((handle, signals))
    }
}
