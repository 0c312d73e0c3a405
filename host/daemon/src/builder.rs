//! Building a daemon: what it is told. `build` checks that before anything is touched, then makes each part in its turn.

mod build;
mod services;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use codex_manager_extension::Compiler;
use codex_manager_model::{Clock, Controls};
use codex_manager_store::Retention;

use crate::http::{Rate, Rbac};
use crate::listen::Listen;
use crate::retention;
use crate::start_error::StartError;
pub(crate) use build::marker;

/// The port that is asked for when nobody says another.
const PORT: u16 = 3001;

/// What a daemon is told before it starts. Made by [`Daemon::builder`].
#[derive(Debug, Clone)]
pub struct Builder {
    data_folder: PathBuf,
    codex_home: Option<PathBuf>,
    codex: PathBuf,
    tools: Option<PathBuf>,
    listen: Listen,
    rate: Rate,
    rbac: Rbac,
    allow_uncontained: bool,
    bwrap: Option<PathBuf>,
    controls: Controls,
    defaults_locked: bool,
    user_home: Option<PathBuf>,
    workspace: PathBuf,
    extension_roots: Vec<PathBuf>,
    store_bytes_max: Option<u64>,
    retention: Retention,
    clock: Clock,
    compiler: Compiler,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            data_folder: PathBuf::from("."),
            codex_home: None,
            codex: PathBuf::from("codex"),
            tools: None,
            listen: Listen {
                address: SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)),
                tcp: true,
                unix: None,
                beyond_loopback: false,
                proxy: None,
            },
            rate: Rate::default(),
            rbac: Rbac::default(),
            allow_uncontained: false,
            bwrap: None,
            controls: Controls::default(),
            defaults_locked: false,
            user_home: None,
            workspace: PathBuf::from("."),
            extension_roots: vec![PathBuf::from("extensions")],
            store_bytes_max: None,
            retention: retention::KEPT,
            clock: Clock::system(),
            compiler: Compiler::InProcess,
        }
    }

    /// Where everything that is ours lies. Made, for this user alone, when it is missing.
    #[must_use]
    pub fn data_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data_folder = folder.into();
        self
    }

    /// The `CODEX_HOME` of the child. Made when it is missing; without one the child finds its own.
    #[must_use]
    pub fn codex_home(mut self, folder: impl Into<PathBuf>) -> Self {
        self.codex_home = Some(folder.into());
        self
    }

    /// The `codex` to run.
    #[must_use]
    pub fn codex(mut self, program: impl Into<PathBuf>) -> Self {
        self.codex = program.into();
        self
    }

    /// The folder of fetched tools, which the child may only read.
    #[must_use]
    pub fn tools(mut self, folder: impl Into<PathBuf>) -> Self {
        self.tools = Some(folder.into());
        self
    }

    /// Where to listen; port 0 takes any that is free. An address beyond loopback needs [`Self::beyond_loopback`] and
    /// [`Self::behind_proxy`] too.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen.address = address;
        self
    }

    /// Whether to listen on an address at all. Without one a Unix socket must be named.
    #[must_use]
    pub fn tcp(mut self, listen: bool) -> Self {
        self.listen.tcp = listen;
        self
    }

    /// A Unix socket to listen on, for this user alone, in place of the one in the data folder: the folder around it is
    /// made, or must be closed to others. The token is asked for there too.
    #[must_use]
    pub fn unix_socket(mut self, path: Option<PathBuf>) -> Self {
        self.listen.unix = path;
        self
    }

    /// Whether other machines may reach the address. They still cannot, unless a proxy encrypts what they send.
    #[must_use]
    pub fn beyond_loopback(mut self, allow: bool) -> Self {
        self.listen.beyond_loopback = allow;
        self
    }

    /// The proxy in front that encrypts, as its clients know it: `https://name`, with a port where it is not 443. Its
    /// name becomes an allowed `Host`, and its origin an allowed `Origin`.
    #[must_use]
    pub fn behind_proxy(mut self, origin: Option<String>) -> Self {
        self.listen.proxy = origin;
        self
    }

    /// How many requests each token may make.
    #[must_use]
    pub fn rate(mut self, rate: Rate) -> Self {
        self.rate = rate;
        self
    }

    /// Whose roles count, beside those of the tokens.
    #[must_use]
    pub fn rbac(mut self, rbac: Rbac) -> Self {
        self.rbac = rbac;
        self
    }

    /// Whether sessions may run although nothing keeps their commands out of the data folder.
    #[must_use]
    pub fn allow_uncontained(mut self, allow: bool) -> Self {
        self.allow_uncontained = allow;
        self
    }

    /// The bubblewrap to contain the child with; without one, Codex's own or the system's.
    #[must_use]
    pub fn bwrap(mut self, program: Option<PathBuf>) -> Self {
        self.bwrap = program;
        self
    }

    /// The controls of sessions whose creator says nothing.
    #[must_use]
    pub fn controls(mut self, controls: Controls) -> Self {
        self.controls = controls;
        self
    }

    /// Whether clients are kept from changing the controls of new sessions.
    #[must_use]
    pub fn defaults_locked(mut self, locked: bool) -> Self {
        self.defaults_locked = locked;
        self
    }

    /// The user's home folder, whose Codex login a `CODEX_HOME` without one is given, once; none unless said.
    #[must_use]
    pub fn user_home(mut self, folder: Option<PathBuf>) -> Self {
        self.user_home = folder;
        self
    }

    /// The folder in which the child and new sessions start; the present one unless said.
    #[must_use]
    pub fn workspace(mut self, folder: impl Into<PathBuf>) -> Self {
        self.workspace = folder.into();
        self
    }

    /// The folders that extensions are dropped into, relative ones below the workspace; `extensions` there unless said.
    /// What lies in them is looked at, and never run: an approved copy is.
    #[must_use]
    pub fn extension_roots(mut self, folders: Vec<PathBuf>) -> Self {
        self.extension_roots = folders;
        self
    }

    /// How large the store may grow, in bytes; as large as the disk unless said.
    #[must_use]
    pub fn store_bytes_max(mut self, bytes: Option<u64>) -> Self {
        self.store_bytes_max = bytes;
        self
    }

    /// How much of the event log is kept; 30 days of it and a gigabyte unless said, and for extensions that are behind
    /// two. Who asks for what is gone is told so, with the oldest that is left.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// The time.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Who compiles extensions. Unless said, this process does, **which nothing limits**: an approved component can then
    /// take all memory. A program of its own limits itself; see [`Compiler::Process`].
    #[must_use]
    pub fn compiler(mut self, compiler: Compiler) -> Self {
        self.compiler = compiler;
        self
    }

    /// Looks whether it may listen where it is told to, and binds nothing.
    pub(crate) fn check_listen(&self) -> Result<(), StartError> {
        self.listen.check().map(drop)
    }
}
