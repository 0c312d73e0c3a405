//! What the story is played on: folders, the model, and the daemon as a process that can be killed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use codex_manager_app_server::leftovers;
use codex_manager_scripted_model::{ScriptedModel, codex_config};
use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::api::Api;
use super::fault::{Fault, ensure};
use super::folders::Folders;
use super::follow::Follow;
use super::patience::{soon, until};
use super::process::Process;
use crate::builder::marker;
use crate::paths::{DataFolder, Paths};

/// How the daemon says that it listens.
const READY: &str = "listening on ";
/// How long the daemon may take to stop when it is asked to.
const STOP_MAX: Duration = Duration::from_secs(10);
/// Variables that would make the daemon, or a command of ours, another one than the demo's.
const FOREIGN_VARIABLES: [&str; 12] = [
    "DATA_DIR",
    "CODEX_HOME",
    "CODEX_BIN",
    "HOST",
    "PORT",
    "DEFAULT_APPROVAL_POLICY",
    "DEFAULT_SANDBOX_MODE",
    "DEFAULT_NETWORK_ACCESS",
    "CODEX_MANAGER_API_BASE",
    "CODEX_MANAGER_BEARER_TOKEN",
    "AGENT_EXTENSION_CONFIGURED_ROOTS",
    "AGENT_EXTENSION_PACKAGE_ROOTS",
];

/// What the story is played on. Dropped, it leaves nothing running.
pub(super) struct Stage {
    daemon: Option<Daemon>,
    codex: PathBuf,
    program: PathBuf,
    tools: PathBuf,
    model: ScriptedModel,
    allow_uncontained: bool,
    folders: Folders,
}

/// A daemon that listens.
struct Daemon {
    process: Child,
    api: Api,
    events: Follow,
    took: Duration,
}

/// What a command of the command line said.
pub(super) struct Said {
    line: String,
    /// Its result.
    pub(super) output: String,
    /// What it said besides.
    pub(super) errors: String,
    /// Whether it did what it was asked to.
    pub(super) succeeded: bool,
}

impl Said {
    /// Its result, if it did what it was asked to.
    pub(super) fn expect(self) -> Result<String, Fault> {
        ensure(self.succeeded, || format!("{} failed: {}", self.line, self.errors))?;
        Ok(self.output)
    }
}

impl Stage {
    /// Makes folders, starts the model, and points Codex at it. No daemon runs yet.
    pub(super) async fn set(paths: &Paths, codex: PathBuf) -> Result<Self, Fault> {
        let program = std::env::current_exe()
            .map_err(|error| Fault::because("this program does not know where it lies", error.into()))?;
        let folders = Folders::make(paths)?;
        let model = ScriptedModel::start().await;
        let model = model.map_err(|error| Fault::because("the scripted model does not start", error.into()))?;
        let config = codex_config(&model.base_url(), "read-only");
        fs::write(folders.codex_home().join("config.toml"), config)
            .map_err(|error| Fault::because("Codex cannot be told of the model", error.into()))?;
        let tools = paths.tools.clone();
        Ok(Self { daemon: None, codex, program, tools, model, allow_uncontained: false, folders })
    }

    pub(super) fn codex(&self) -> &Path {
        &self.codex
    }

    /// This very program, which the daemon runs too.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// Where tools are kept that were fetched or made.
    pub(super) fn tools(&self) -> &Path {
        &self.tools
    }

    pub(super) fn folders(&self) -> &Folders {
        &self.folders
    }

    pub(super) fn model(&self) -> &ScriptedModel {
        &self.model
    }

    /// Whether Codex runs contained, as far as it was found out.
    pub(super) fn is_contained(&self) -> bool {
        !self.allow_uncontained
    }

    /// Sessions may run although nothing contains Codex, from the daemon's next start on.
    pub(super) fn allow_uncontained(&mut self) {
        self.allow_uncontained = true;
    }

    /// Leaves the folders where they are when all is over.
    pub(super) fn keep_folders(&mut self) {
        self.folders.keep();
    }

    /// The daemon's API, and its event stream from the row that the daemon was [started](Self::start) after.
    pub(super) fn live(&self) -> Result<(Api, Follow), Fault> {
        let daemon = self.running()?;
        Ok((daemon.api.clone(), daemon.events.clone()))
    }

    /// The daemon's process.
    pub(super) fn pid(&self) -> Result<u32, Fault> {
        self.running()?.process.id().ok_or_else(|| Fault::new("the daemon has ended by itself"))
    }

    /// How long the daemon took from its start until it listened.
    pub(super) fn took(&self) -> Result<Duration, Fault> {
        Ok(self.running()?.took)
    }

    /// Starts a daemon, waits until it listens, and follows its events after the row `after`.
    pub(super) async fn start(&mut self, after: u64) -> Result<(), Fault> {
        let begun = Instant::now();
        let mut process = self.serve()?;
        let address = soon("the daemon to listen", listening(&mut process)).await?;
        let took = begun.elapsed();
        let Some(address) = address else { return Err(Fault::new(format!("the daemon ended: {}", self.last_words()))) };
        let token = DataFolder::new(self.folders.data()).token();
        let token = fs::read_to_string(token).map_err(|error| Fault::because("there is no token", error.into()))?;
        let api = Api::new(&address, token.trim())?;
        let events = Follow::open(&api, after).await?;
        self.daemon = Some(Daemon { process, api, events, took });
        Ok(())
    }

    /// Kills the daemon as a power cut would, and gives the stream to it as it broke off.
    pub(super) async fn kill(&mut self) -> Result<Follow, Fault> {
        let mut daemon = self.daemon.take().ok_or_else(no_daemon)?;
        let killed = soon("the killed daemon's end", daemon.process.kill()).await?;
        killed.map_err(|error| Fault::because("the daemon cannot be killed", error.into()))?;
        Ok(daemon.events)
    }

    /// Asks the daemon to stop, and kills it when it does not.
    pub(super) async fn stop(&mut self) -> Result<(), Fault> {
        let mut daemon = self.daemon.take().ok_or_else(no_daemon)?;
        if let Some(process) = daemon.process.id().and_then(Process::find) {
            process.signal(Signal::TERM);
        }
        drop(daemon.events);
        match timeout(STOP_MAX, daemon.process.wait()).await {
            Ok(Ok(status)) => ensure(status.success(), || format!("the daemon stopped with {status}")),
            Ok(Err(error)) => Err(Fault::because("the daemon cannot be waited for", error.into())),
            Err(_) => Err(Fault::new(format!("the daemon did not stop within {} seconds", STOP_MAX.as_secs()))),
        }
    }

    /// What `doctor` says of this daemon's folders.
    pub(super) async fn doctor(&self) -> Result<String, Fault> {
        let codex = self.codex.to_string_lossy();
        Ok(self.say(&["doctor", "--codex-bin", &codex]).await?.output)
    }

    /// Runs a command of the command line, as a client of this daemon.
    pub(super) async fn say(&self, words: &[&str]) -> Result<Said, Fault> {
        let line = words.join(" ");
        let mut command = self.command(words.first().copied().unwrap_or_default());
        command.args(words.get(1..).unwrap_or_default()).stdin(Stdio::null()).kill_on_drop(true);
        let output = soon(&line, command.output()).await?;
        let output = output.map_err(|error| Fault::because(format!("{line} cannot be run"), error.into()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (output, errors, succeeded) = (text(&output.stdout), text(&output.stderr), output.status.success());
        Ok(Said { line, output, errors, succeeded })
    }

    /// Stops everything, and removes the folders unless they are to be kept.
    pub(super) async fn clear(mut self) {
        if self.daemon.is_some()
            && let Err(error) = self.stop().await
        {
            tracing::warn!(%error, "the demo's daemon was killed");
        }
        // A daemon that was killed leaves its child a moment to end in, and the folders must not be in use by then.
        let gone = until("what was left to end", async || Ok(self.end_leftovers().then_some(())));
        if !matches!(timeout(STOP_MAX, gone).await, Ok(Ok(()))) {
            tracing::warn!("something that the demo started still runs");
        }
    }

    /// Ends what has this daemon's mark and outlived it; true if there was nothing.
    fn end_leftovers(&self) -> bool {
        let left = leftovers(&marker(&self.folders.data()));
        let processes = left.iter().filter_map(|left| Process::find(left.pid));
        processes.map(|process| process.signal(Signal::KILL)).count() == 0
    }

    fn running(&self) -> Result<&Daemon, Fault> {
        self.daemon.as_ref().ok_or_else(no_daemon)
    }

    fn serve(&self) -> Result<Child, Fault> {
        let failed = |error: std::io::Error| Fault::because("the daemon cannot be started", error.into());
        let log = File::options().create(true).append(true).open(self.folders.log()).map_err(failed)?;
        let mut command = self.command("serve");
        command.args(["--listen", "127.0.0.1:0"]).arg("--codex-bin").arg(&self.codex);
        command.arg("--extensions").arg(self.folders.extensions());
        if self.allow_uncontained {
            command.arg("--allow-uncontained");
        }
        // The demo needs nobody's login, and its folders are no place for one.
        command.env("CODEX_MANAGER_BRING_LOGIN", "false");
        // In a group of its own: Ctrl-C is for the demo, which then stops the daemon.
        command.current_dir(self.folders.work()).process_group(0).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().map_err(failed)
    }

    /// This very program, on the demo's folders.
    pub(super) fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.program);
        FOREIGN_VARIABLES.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.arg(verb).arg("--data-dir").arg(self.folders.data());
        command.arg("--codex-home").arg(self.folders.codex_home());
        command
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(self.folders.log()).unwrap_or_default();
        log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // The daemon goes first, and with it what is contained; what is not has the daemon's mark.
        self.daemon = None;
        self.end_leftovers();
    }
}

/// Reads what the daemon says until it says where it listens; `None` when it ends instead.
async fn listening(process: &mut Child) -> Option<String> {
    let mut lines = BufReader::new(process.stdout.take()?).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(address) = line.strip_prefix(READY) {
            let address = address.trim().to_owned();
            // Whatever else it says must not fill the pipe.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Some(address);
        }
    }
    None
}

fn no_daemon() -> Fault {
    Fault::new("no daemon runs")
}
