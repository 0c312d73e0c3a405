//! Building a daemon: what it is told, checked before anything is touched, then each part in its turn.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codex_manager_app_server as app_server;
use codex_manager_model::{Clock, Controls};
use codex_manager_store::{self as store, Ephemeral, LockHolder, Store};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::claim::{Claim, real};
use crate::daemon::{Daemon, Parts};
use crate::extensions::{self, Runner, Shelf};
use crate::http::Guard;
use crate::intake::{self, Intake};
use crate::outbox::Outbox;
use crate::paths::DataFolder;
use crate::replace::replace;
use crate::service::{
    Approvals, Auth, Defaults, Extensions, Health, Operations, Services, Sessions, TokenFileError, Tokens, Transcripts,
};
use crate::start_error::StartError;
use crate::storage::Storage;
use crate::stream::Stream;

/// The port that is asked for when nobody says another.
const PORT: u16 = 3001;

/// What a daemon is told before it starts. Made by [`Daemon::builder`].
#[derive(Debug, Clone)]
pub struct Builder {
    data_folder: PathBuf,
    codex_home: Option<PathBuf>,
    codex: PathBuf,
    tools: Option<PathBuf>,
    listen: SocketAddr,
    allow_uncontained: bool,
    bwrap: Option<PathBuf>,
    controls: Controls,
    workspace: PathBuf,
    extension_roots: Vec<PathBuf>,
    store_bytes_max: Option<u64>,
    clock: Clock,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            data_folder: PathBuf::from("."),
            codex_home: None,
            codex: PathBuf::from("codex"),
            tools: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)),
            allow_uncontained: false,
            bwrap: None,
            controls: Controls::default(),
            workspace: PathBuf::from("."),
            extension_roots: vec![PathBuf::from("extensions")],
            store_bytes_max: None,
            clock: Clock::system(),
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

    /// Where to listen: loopback only; port 0 takes any that is free.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
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

    /// The time.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Starts everything: when this returns the address is bound and the child is on its way.
    ///
    /// # Errors
    /// A [`StartError`] that names the thing and the next step.
    pub async fn build(self) -> Result<Daemon, StartError> {
        self.check_codex()?;
        self.claim().check()?;
        let roots = self.roots()?;
        let listener = self.bind().await?;
        let address = listener.local_addr().map_err(|source| StartError::Listen { address: self.listen, source })?;
        let holder = LockHolder { pid: std::process::id(), address: Some(address.to_string()) };
        let locks = self.claim().take(&holder)?;
        let (store, tokens) = self.open_store().await?;
        let shelf = self.open_shelf(roots).await?;
        let (child, signals) = self.supervise()?;

        let stop = CancellationToken::new();
        let storage = Storage::new(store.clone());
        let ephemeral = Ephemeral::new();
        let outbox = Outbox::new(storage.clone(), child.clone(), self.clock.clone());
        let stream = Stream::new(store.clone(), ephemeral.clone());
        let intake = Intake::new(storage.clone(), ephemeral, outbox.clone(), self.clock.clone());
        let runner = self.open_runner(shelf, &storage, &outbox).await?;
        let services = self.services(&storage, &outbox, &child, &runner, tokens.clone());
        let guard = Guard::new(tokens, address.port(), &[]);
        let address_file = DataFolder::new(&self.data_folder).address();
        replace(&address_file, &address.to_string()).map_err(not_written(&address_file))?;
        Ok(Daemon::start(Parts {
            address,
            listener,
            locks,
            storage,
            child,
            signals,
            intake,
            outbox,
            runner,
            stream,
            services,
            guard,
            stop,
            clock: self.clock,
            address_file,
        }))
    }

    /// A name without a folder is looked up on `PATH` by the supervisor; a path must be a program.
    fn check_codex(&self) -> Result<(), StartError> {
        let path = self.codex.clone();
        if path.components().count() == 1 {
            return Ok(());
        }
        match fs::metadata(&path) {
            Err(_) => Err(StartError::Codex { path, why: "there is no such file" }),
            Ok(found) if !found.is_file() => Err(StartError::Codex { path, why: "it is not a file" }),
            Ok(found) if found.permissions().mode() & 0o111 == 0 => {
                Err(StartError::Codex { path, why: "it is not executable" })
            }
            Ok(_) => Ok(()),
        }
    }

    async fn bind(&self) -> Result<TcpListener, StartError> {
        let address = self.listen;
        if !address.ip().is_loopback() {
            return Err(StartError::NotLoopback { address });
        }
        TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })
    }

    fn claim(&self) -> Claim<'_> {
        let data = DataFolder::new(&self.data_folder);
        Claim { data, codex_home: self.codex_home.as_deref(), tools: self.tools.as_deref() }
    }

    /// The store, in it nothing unfinished, and the tokens in it, one of them in the token file.
    async fn open_store(&self) -> Result<(Store, Tokens), StartError> {
        let config = store::Config { folder: self.data_folder.clone(), size_bytes_max: self.store_bytes_max };
        let path = config.file();
        let failed = |source| StartError::Recovery { path: path.clone(), source };
        let store = config.open().map_err(StartError::Store)?;
        intake::recover(&store, self.clock.now()).await.map_err(failed)?;
        let tokens = Tokens::open(store.clone(), self.clock.clone()).await.map_err(failed)?;
        let data = DataFolder::new(&self.data_folder);
        tokens.ensure_admin(&data).await.map_err(|error| match error {
            TokenFileError::Store(source) => failed(source),
            TokenFileError::File(source) => not_written(&data.token())(source),
        })?;
        Ok((store, tokens))
    }

    /// Where extensions are dropped. Approved copies are not offered for approval.
    fn roots(&self) -> Result<Vec<PathBuf>, StartError> {
        let data = real(&self.data_folder);
        let roots: Vec<_> = self.extension_roots.iter().map(|root| self.workspace.join(root)).collect();
        match roots.iter().find(|root| real(root).starts_with(&data)) {
            Some(root) => Err(StartError::RootInData { path: root.clone() }),
            None => Ok(roots.iter().map(|root| std::path::absolute(root).unwrap_or_else(|_| root.clone())).collect()),
        }
    }

    async fn open_shelf(&self, roots: Vec<PathBuf>) -> Result<Shelf, StartError> {
        let folder = DataFolder::new(&self.data_folder).extensions();
        let vocabulary = Arc::new(extensions::vocabulary());
        let opened = spawn_blocking(move || Shelf::open(&folder, roots, vocabulary)).await;
        opened.expect("opening the lock does not panic").map_err(StartError::Approvals)
    }

    async fn open_runner(&self, shelf: Shelf, storage: &Storage, outbox: &Outbox) -> Result<Runner, StartError> {
        let folder = DataFolder::new(&self.data_folder).extensions();
        let (storage, outbox, clock) = (storage.clone(), outbox.clone(), self.clock.clone());
        let opened = extensions::Config { folder, shelf, storage, outbox, clock }.open().await;
        opened.map_err(|source| StartError::Extensions(Box::new(source)))
    }

    fn supervise(&self) -> Result<(app_server::AppServer, app_server::Signals), StartError> {
        let mut config = app_server::Config::new(&self.codex, &self.workspace);
        config.codex_home.clone_from(&self.codex_home);
        config.containment.mask = vec![self.data_folder.clone()];
        config.containment.readable = self.tools.iter().filter(|tools| tools.is_dir()).cloned().collect();
        config.containment.bwrap.clone_from(&self.bwrap);
        config.stderr = Some(DataFolder::new(&self.data_folder).logs().join("app-server.log"));
        config.marker = marker(&self.data_folder);
        config.clock = self.clock.clone();
        config.build().map_err(StartError::Supervisor)
    }

    fn services(
        &self,
        storage: &Storage,
        outbox: &Outbox,
        child: &app_server::AppServer,
        runner: &Runner,
        tokens: Tokens,
    ) -> Services {
        let (store, outbox) = (storage.store().clone(), outbox.clone());
        let (child, clock, shelf) = (child.clone(), self.clock.clone(), runner.shelf().clone());
        let defaults = Defaults {
            controls: self.controls.clone(),
            cwd: std::path::absolute(&self.workspace).unwrap_or_default().display().to_string(),
            data_folder: self.data_folder.canonicalize().unwrap_or_else(|_| self.data_folder.clone()),
            allow_uncontained: self.allow_uncontained,
        };
        let auth = Auth {
            has_openai_api_key: std::env::var_os("OPENAI_API_KEY").is_some(),
            file: self.codex_home.as_ref().map(|home| home.join("auth.json")),
        };
        Services {
            sessions: Sessions::new(store.clone(), outbox.clone(), child.clone(), clock.clone(), defaults),
            transcripts: Transcripts::new(store.clone(), clock.clone()),
            approvals: Approvals::new(store.clone(), outbox.clone(), child.clone(), clock.clone()),
            extensions: Extensions::new(shelf, storage.clone(), child.clone(), clock.clone()),
            operations: Operations::new(store, outbox),
            tokens,
            health: Health::new(child, storage.clone(), runner.status(), clock, auth),
        }
    }
}

/// By which an uncontained child's leftovers are known to be those of the daemon on this data folder.
pub(crate) fn marker(data_folder: &Path) -> String {
    let digest = Sha256::digest(data_folder.as_os_str().as_encoded_bytes());
    digest[..8].iter().fold(String::from("codex-manager-"), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

fn not_written(path: &Path) -> impl Fn(io::Error) -> StartError {
    |source| StartError::File { path: path.to_owned(), source }
}
