//! `serve`: the daemon, until it is told to stop.

use std::env;
use std::path::{PathBuf, absolute};

use clap::Args;
use codex_manager_model::{ApprovalPolicy, Controls, FilesystemSandbox, NetworkAccess};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;

use super::failure::{Exit, Failure};
use super::words::word;
use super::{Context, listen};
use crate::paths::Paths;
use crate::tools::{Codex, Progress, Tool};
use crate::{Daemon, StartError};

/// Folders that extensions are dropped into as well.
const ROOTS_VARIABLES: [&str; 2] = ["AGENT_EXTENSION_CONFIGURED_ROOTS", "AGENT_EXTENSION_PACKAGE_ROOTS"];

/// Run the daemon
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Where to listen, on this machine only; port 0 takes a free one, none takes 3001 [env: HOST, PORT] [default: 127.0.0.1:3001]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The codex program [default: the one on PATH, else one that is fetched]
    #[arg(long, value_name = "FILE", env = "CODEX_BIN", hide_env_values = true)]
    codex_bin: Option<PathBuf>,
    /// Start Codex even where it cannot be kept away from the daemon's secrets
    #[arg(long)]
    allow_uncontained: bool,
    /// The bwrap program that contains Codex [default: the one in Codex's package, else the one on PATH]
    #[arg(long, value_name = "FILE")]
    bwrap: Option<PathBuf>,
    /// A folder that extensions are dropped into; may be repeated [default: ./extensions]
    #[arg(long, value_name = "FOLDER")]
    extensions: Vec<PathBuf>,
    /// When Codex must ask, in sessions that do not say
    #[arg(
        long,
        value_name = "POLICY",
        env = "DEFAULT_APPROVAL_POLICY",
        hide_env_values = true,
        default_value = "untrusted",
        value_parser = word::<ApprovalPolicy>()
    )]
    default_approval_policy: ApprovalPolicy,
    /// What commands may write, in sessions that do not say
    #[arg(
        long,
        value_name = "MODE",
        env = "DEFAULT_SANDBOX_MODE",
        hide_env_values = true,
        default_value = "read-only",
        value_parser = word::<FilesystemSandbox>()
    )]
    default_sandbox_mode: FilesystemSandbox,
    /// Whether commands may use the network, in sessions that do not say
    #[arg(
        long,
        value_name = "ACCESS",
        env = "DEFAULT_NETWORK_ACCESS",
        hide_env_values = true,
        default_value = "restricted",
        value_parser = word::<NetworkAccess>()
    )]
    default_network_access: NetworkAccess,
}

impl Serve {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        hide_memory();
        let listen = listen::address(self.listen.as_deref())?;
        let paths = context.places.find()?;
        let codex = codex(self.codex_bin.clone(), &paths).await?;
        let daemon = Daemon::builder()
            .data_folder(paths.data.path())
            .codex_home(&paths.codex_home)
            .codex(&codex.path)
            .tools(&paths.tools)
            .listen(listen)
            .allow_uncontained(self.allow_uncontained)
            .bwrap(self.bwrap.clone())
            .controls(self.controls())
            .extension_roots(self.extension_roots())
            .build()
            .await
            .map_err(|error| not_started(&error))?;
        stop_on_signal(&daemon)?;
        warn_of_missing(&self.extensions);
        announce(context, &daemon, &paths, &codex, &self.extension_roots());
        daemon.run().await.map_err(|error| Failure::because(Exit::Failed, &error))
    }

    /// What was named, else the usual folder; and what the environment adds, in lists like that of `PATH`.
    fn extension_roots(&self) -> Vec<PathBuf> {
        let named = if self.extensions.is_empty() { vec!["extensions".into()] } else { self.extensions.clone() };
        let added = ROOTS_VARIABLES.iter().filter_map(env::var_os);
        let added = added.flat_map(|list| env::split_paths(&list).collect::<Vec<_>>());
        named.into_iter().chain(added).filter(|root| !root.as_os_str().is_empty()).collect()
    }

    fn controls(&self) -> Controls {
        Controls {
            approval_policy: self.default_approval_policy,
            filesystem_sandbox: self.default_sandbox_mode,
            network_access: self.default_network_access,
            ..Controls::default()
        }
    }
}

/// Keeps other processes of this user from reading our memory, tokens and all, through a debugger or a core dump.
fn hide_memory() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "other processes of this user may read the daemon's memory");
    }
}

/// A folder that somebody names is meant to be there; it may come later.
fn warn_of_missing(named: &[PathBuf]) {
    for root in named.iter().filter(|root| !root.is_dir()) {
        tracing::warn!(folder = %root.display(), "the folder named with --extensions is not there: nothing can lie in it");
    }
}

/// Finding may mean fetching, which blocks for as long as the line is slow.
async fn codex(given: Option<PathBuf>, paths: &Paths) -> Result<Tool, Failure> {
    let codex = Codex::new(given.filter(|path| !path.as_os_str().is_empty()), &paths.tools);
    let found = spawn_blocking(move || codex.find_or_fetch(&Progress::on_stderr())).await;
    let found = found.map_err(|error| Failure::because(Exit::Failed, &error))?;
    found.map_err(|error| Failure::because(Exit::Failed, &error).hint(error.hint()))
}

/// The errors themselves name the next step.
pub(super) fn not_started(error: &StartError) -> Failure {
    let exit = match error {
        StartError::NotLoopback { .. }
        | StartError::SameFolder { .. }
        | StartError::NotEmpty { .. }
        | StartError::RootInData { .. } => Exit::Usage,
        StartError::Locked(_) | StartError::Listen { .. } => Exit::Conflict,
        _ => Exit::Failed,
    };
    Failure::because(exit, error)
}

/// Ready for scripts (the first line), and for people (the rest). That nobody can read it is no reason to stop: where the
/// daemon listens is in the data folder too.
fn announce(context: &Context, daemon: &Daemon, paths: &Paths, codex: &Tool, roots: &[PathBuf]) {
    let (address, folder, token) = (format!("http://{}", daemon.address()), paths.data.path(), paths.data.token());
    let roots: Vec<_> = roots.iter().map(|root| absolute(root).unwrap_or_else(|_| root.clone())).collect();
    let drops: Vec<_> = roots.iter().map(|root| root.display().to_string()).collect();
    let document = json!({
        "address": address, "dataFolder": folder, "tokenFile": token, "codex": codex.path, "extensionRoots": drops,
    });
    let told = context.output.document(&document, || {
        let (folder, token, codex) = (folder.display(), token.display(), codex.path.display());
        let head = format!(
            "listening on {address}\n  data folder  {folder}\n  admin token  in {token}\n  codex        {codex}"
        );
        drops.iter().fold(head, |text, root| format!("{text}\n  extensions   dropped into {root}"))
    });
    if let Err(failure) = told {
        tracing::warn!(address, error = %failure, "what the daemon says at its start was not printed");
    }
}

fn stop_on_signal(daemon: &Daemon) -> Result<(), Failure> {
    let heard = |error| Failure::because(Exit::Failed, &error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(heard)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(heard)?;
    let stop = daemon.shutdown_handle();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stop.shutdown();
    });
    Ok(())
}
