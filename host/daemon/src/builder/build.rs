//! From what a daemon is told to a daemon: every check first, then each part in its turn.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codex_manager_app_server as app_server;
use codex_manager_store::{self as store, Ephemeral, LockHolder, Store};
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::Builder;
use crate::claim::{Claim, real};
use crate::daemon::{Daemon, Parts};
use crate::deletion::Deletions;
use crate::extensions::{self, Runner, Shelf};
use crate::http::{self, Answering, Guard};
use crate::intake::{self, Intake};
use crate::login;
use crate::outbox::Outbox;
use crate::paths::DataFolder;
use crate::reconcile::{Heard, Reconcile};
use crate::replace::replace;
use crate::service::{TokenFileError, Tokens};
use crate::start_error::StartError;
use crate::storage::Storage;
use crate::stream::Stream;

impl Builder {
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
        let answering = Answering::begin().map_err(StartError::Thread)?;
        let mut listeners = self.listen.bind().await?;
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
        let data = DataFolder::new(&self.data_folder);
        listeners.show_at(&data.socket());
        let address_file = data.address();
        replace(&address_file, &address).map_err(not_written(&address_file))?;
        Ok(Daemon::start(Parts {
            listeners,
            answering,
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
        let failed = |source| StartError::of_store(&path, source);
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
        let compiler = self.compiler.clone();
        let opened = extensions::Config { folder, shelf, storage, outbox, clock, compiler }.open().await;
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
