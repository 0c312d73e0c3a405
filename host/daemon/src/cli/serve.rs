//! `serve`: the daemon, until it is told to stop.

mod builder;
mod journal;
mod manager;

use std::path::{PathBuf, absolute};

use clap::Args;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;

use super::config::{Flags, Settings, Told, table};
use super::failure::{Exit, Failure};
use super::{Context, logging};
use crate::paths::Paths;
use crate::tools::{Codex, Progress, Tool};
use crate::{Daemon, StartError};
use journal::Journal;

/// Run the daemon
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    flags: Flags<false>,
}

impl Serve {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        hide_memory();
        let settings = context.places.settings(&self.flags)?;
        let text = |setting| settings.text(setting).unwrap_or_default();
        logging::start(text(table::LOG_LEVEL), text(table::LOG_FORMAT));
        let builder = builder::of(&settings)?;
        // Before anything is fetched.
        builder.check_listen().map_err(|error| not_started(&error))?;
        let paths = settings.paths();
        let codex = codex(settings.path(table::CODEX_BIN).map(PathBuf::from), paths).await?;
        let daemon = builder.codex(&codex.path).build().await.map_err(|error| not_started(&error))?;
        let (folder, program) = (paths.data.path().to_string_lossy(), codex.path.to_string_lossy());
        let journal = Journal::begin(&daemon, &listening(&daemon), &folder, &program);
        stop_on_signal(&daemon, &journal)?;
        manager::attend(&daemon);
        warn_of_missing(&settings);
        let _told = tell_others(&settings);
        announce(context, &daemon, paths, &codex, &builder::extension_roots(&settings));
        let ended = daemon.run().await;
        journal.end(&ended);
        ended.map_err(|error| Failure::because(Exit::Failed, &error))
    }
}

/// Keeps other processes of this user from reading our memory, tokens and all, through a debugger or a core dump.
fn hide_memory() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "other processes of this user may read the daemon's memory");
    }
}

/// Other shells ask what this daemon goes by. That they are not told is no reason to stop.
fn tell_others(settings: &Settings) -> Option<Told> {
    let told = Told::write(settings);
    told.inspect_err(|error| tracing::warn!(%error, "`config show` and `doctor` cannot tell what this daemon goes by"))
        .ok()
}

/// A folder that somebody names is meant to be there; it may come later.
fn warn_of_missing(settings: &Settings) {
    if settings.is_set(table::EXTENSIONS) {
        for root in settings.list(table::EXTENSIONS).iter().filter(|root| !root.is_dir()) {
            tracing::warn!(folder = %root.display(), "the folder named with --extensions is not there: nothing can lie in it");
        }
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
        | StartError::Proxy { .. }
        | StartError::Nowhere
        | StartError::Rbac { .. }
        | StartError::SameFolder { .. }
        | StartError::NotEmpty { .. }
        | StartError::RootInData { .. } => Exit::Usage,
        StartError::Locked(_) | StartError::Listen { .. } | StartError::Socket { .. } => Exit::Conflict,
        _ => Exit::Failed,
    };
    Failure::because(exit, error)
}

/// Ready for scripts (the first line), and for people (the rest). That nobody can read it is no reason to stop: where the
/// daemon listens is in the data folder too.
fn announce(context: &Context, daemon: &Daemon, paths: &Paths, codex: &Tool, roots: &[PathBuf]) {
    let (address, folder, token) = (listening(daemon), paths.data.path(), paths.data.token());
    let roots: Vec<_> = roots.iter().map(|root| absolute(root).unwrap_or_else(|_| root.clone())).collect();
    let drops: Vec<_> = roots.iter().map(|root| root.display().to_string()).collect();
    let document = json!({
        "address": address, "socket": socket(daemon), "dataFolder": folder, "tokenFile": token, "codex": codex.path, "extensionRoots": drops,
    });
    let told = context.output.document(&document, || {
        let (folder, token, codex) = (folder.display(), token.display(), codex.path.display());
        let head = format!(
            "listening on {address}\n  data folder  {folder}\n  admin token  in {token}\n  codex        {codex}"
        );
        let head = socket(daemon).iter().fold(head, |text, socket| format!("{text}\n  socket       {socket}"));
        drops.iter().fold(head, |text, root| format!("{text}\n  extensions   dropped into {root}"))
    });
    if let Err(failure) = told {
        tracing::warn!(address, error = %failure, "what the daemon says at its start was not printed");
    }
}

/// Where it is, in a word: its address, or its socket where it has none.
fn listening(daemon: &Daemon) -> String {
    daemon.address().map_or_else(|| socket(daemon).unwrap_or_default(), |address| format!("http://{address}"))
}

fn socket(daemon: &Daemon) -> Option<String> {
    daemon.unix_socket().map(|path| format!("unix:{}", path.display()))
}

fn stop_on_signal(daemon: &Daemon, journal: &Journal) -> Result<(), Failure> {
    let heard = |error| Failure::because(Exit::Failed, &error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(heard)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(heard)?;
    let (stop, journal) = (daemon.shutdown_handle(), journal.clone());
    tokio::spawn(async move {
        let signal = tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        };
        journal.stopping(signal);
        manager::stopping();
        stop.shutdown();
    });
    Ok(())
}
