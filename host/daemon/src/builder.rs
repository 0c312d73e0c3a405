//! Building a daemon: what it is told, checked before anything is touched, then each part in its turn.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codex_manager_app_server as app_server;
use codex_manager_model::{Clock, Controls};
use codex_manager_store::{self as store, Ephemeral, LockHolder, Retention, Store};
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::claim::{Claim, real};
use crate::daemon::{Daemon, Parts};
use crate::deletion::Deletions;
use crate::extensions::{self, Runner, Shelf};
use crate::http::{self, Guard, Rate, Rbac};
use crate::intake::{self, Intake};
use crate::listen::Listen;
use crate::login;
use crate::outbox::Outbox;
use crate::paths::DataFolder;
use crate::reconcile::{Heard, Reconcile};
use crate::replace::replace;
use crate::retention;
use crate::service::{
    Audit, Auth, Backups, Child, Codex, DefaultControls, Defaults, Deletion, Extensions, Health, Interactions,
    LoginFile, Operations, Projects, Requests, Services, SessionControls, Sessions, Settings, Suggestions,
    TokenFileError, Tokens, Transcripts, UseCases,
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

    /// Whether to listen on an address at all. Without one there must be a Unix socket.
    #[must_use]
    pub fn tcp(mut self, listen: bool) -> Self {
        self.listen.tcp = listen;
        self
    }

    /// A Unix socket to listen on, for this user alone: the folder around it is made, or must be closed to others. The
    /// token is asked for there too.
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

    /// Looks whether it may listen where it is told to, and binds nothing.
    pub(crate) fn check_listen(&self) -> Result<(), StartError> {
        self.listen.check().map(drop)
    }

    /// Starts everything: when this returns the address is bound and the child is on its way.
    ///
    /// # Errors
    /// A [`StartError`] that names the thing and the next step.
    pub async fn build(self) -> Result<Daemon, StartError> {
        self.check_codex()?;
        self.claim().check()?;
        let roots = self.roots()?;
        let proxy = self.listen.check()?;
        self.rbac.check().map_err(|why| StartError::Rbac { why })?;
        let listeners = self.listen.bind().await?;
        let address = listeners.told();
        let holder = LockHolder { pid: std::process::id(), address: Some(address.clone()) };
        let locks = self.claim().take(&holder)?;
        let (store, tokens) = self.open_store().await?;
        let shelf = self.open_shelf(roots).await?;
        self.bring_login();
        let (child, signals) = self.supervise()?;

        let stop = CancellationToken::new();
        let storage = Storage::new(store.clone());
        let ephemeral = Ephemeral::new();
        let outbox = Outbox::new(storage.clone(), child.clone(), self.clock.clone());
        let stream = Stream::new(store.clone(), ephemeral.clone());
        let deletions =
            Deletions::new(store.clone(), child.clone(), outbox.clone(), stream.clone(), self.clock.clone());
        let heard = Heard::default();
        let reconcile = Reconcile::new(store.clone(), child.clone(), self.clock.clone(), heard.clone());
        let intake =
            Intake::new(storage.clone(), ephemeral, outbox.clone(), deletions.clone(), heard, self.clock.clone());
        let runner = self.open_runner(shelf, &storage, &outbox).await?;
        let services = self.services(&storage, &outbox, &child, &runner, &deletions, tokens.clone());
        let guard = Guard::new(
            tokens,
            http::Doors::new(listeners.tcp(), proxy),
            self.rate,
            self.rbac.clone(),
            self.clock.clone(),
        );
        let address_file = DataFolder::new(&self.data_folder).address();
        replace(&address_file, &address).map_err(not_written(&address_file))?;
        Ok(Daemon::start(Parts {
            listeners,
            locks,
            storage,
            child,
            signals,
            intake,
            reconcile,
            deletions,
            outbox,
            runner,
            stream,
            services,
            guard,
            stop,
            retention: self.retention,
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

    /// A login that cannot be brought is no reason not to start: Codex says itself that it has none.
    fn bring_login(&self) {
        let (Some(user), Some(codex_home)) = (&self.user_home, &self.codex_home) else { return };
        match login::bring(user, codex_home, &DataFolder::new(&self.data_folder).login_brought()) {
            Ok(true) => tracing::info!(codex_home = %codex_home.display(), "gave Codex the login of this user"),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "cannot give Codex the login of this user; `codex login` makes one"),
        }
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
        deletions: &Deletions,
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
            file: LoginFile::new(self.codex_home.as_ref().map(|home| home.join(login::AUTH_FILE))),
        };
        let (sessions, deletion) = (
            Sessions::new(store.clone(), outbox.clone(), child.clone(), clock.clone(), defaults),
            Deletion::new(store.clone(), deletions.clone(), self.codex_home.clone(), clock.clone()),
        );
        let controls = DefaultControls { configured: self.controls.clone(), locked: self.defaults_locked };
        let (asked, storage_outbox) = (Child::new(child.clone(), clock.clone()), outbox.clone());
        let own_folder = self.data_folder.canonicalize().unwrap_or_else(|_| self.data_folder.clone());
        Services::new(UseCases {
            projects: Projects::new(store.clone(), clock.clone(), sessions.clone(), deletion.clone()),
            controls: SessionControls::new(store.clone(), clock.clone(), controls.clone()),
            settings: Settings::new(store.clone(), clock.clone(), controls),
            suggestions: Suggestions::new(store.clone(), clock.clone()),
            sessions,
            transcripts: Transcripts::new(store.clone(), clock.clone()),
            deletion,
            interactions: Interactions::new(store.clone(), outbox.clone(), child.clone(), clock.clone()),
            extensions: Extensions::new(shelf, storage.clone(), child.clone(), clock.clone()),
            operations: Operations::new(store, outbox),
            requests: Requests::new(storage.store().clone(), self.clock.clone()),
            tokens,
            audit: Audit::new(storage.store().clone(), clock.clone()),
            codex: Codex::new(asked, storage_outbox, clock.clone(), own_folder),
            health: Health::new(child, storage.clone(), runner.status(), clock, auth),
            backups: Backups::new(storage.store().clone(), DataFolder::new(&self.data_folder)),
        })
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
