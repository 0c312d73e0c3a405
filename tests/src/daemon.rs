//! The daemon as a process: started on the folders of a [`Home`], waited for, stopped or killed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::arrow::DIE_AT;
use crate::{Api, Home, Process, soon};

/// How the ready line begins.
const READY: &str = "listening on ";
/// How much of the log a failure shows, in bytes.
const LOG_SHOWN: usize = 4000;

/// How to start a daemon.
#[derive(Debug, Clone)]
pub struct Launch {
    program: PathBuf,
    options: BTreeMap<String, OsString>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    inside: Vec<OsString>,
    user: Option<u32>,
}

impl Launch {
    /// The daemon's `program` with `codex` as its Codex, real or scripted.
    pub fn new(program: impl Into<PathBuf>, codex: impl Into<PathBuf>) -> Self {
        let options = BTreeMap::from([("--codex-bin".to_owned(), codex.into().into_os_string())]);
        let (arguments, environment, inside) = (Vec::new(), Vec::new(), Vec::new());
        Self { program: program.into(), options, arguments, environment, inside, user: None }
    }

    /// Gives an option of `serve` a value, in place of the one that a [`Home`] would give it.
    #[must_use]
    pub fn option(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.options.insert(name.to_owned(), value.into());
        self
    }

    /// Adds an argument of `serve`.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Adds a variable to the daemon's environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it by another program, whose command line is `words` and then the daemon's.
    #[must_use]
    pub fn inside(mut self, words: impl IntoIterator<Item = OsString>) -> Self {
        self.inside = words.into_iter().collect();
        self
    }

    /// Starts it as another user, and in the group of the same number. Only root can.
    #[must_use]
    pub fn user(mut self, user: u32) -> Self {
        self.user = Some(user);
        self
    }

    /// Has it die at the arrow of this name, as often as it is started.
    #[must_use]
    pub fn dying_at(self, arrow: &str) -> Self {
        self.variable(DIE_AT, arrow)
    }

    /// Starts it on `home` and waits until it listens.
    ///
    /// # Panics
    /// When it ends instead, or takes too long.
    pub async fn start(&self, home: &Home) -> Daemon {
        match self.try_start(home).await {
            Ok(daemon) => daemon,
            Err(refusal) => panic!("the daemon did not start ({}):\n{}", refusal.status, refusal.log),
        }
    }

    /// Starts it on `home`; `Err` tells how it ended when it did not come to listen.
    ///
    /// # Errors
    /// How it ended.
    ///
    /// # Panics
    /// When it does neither within the patience.
    pub async fn try_start(&self, home: &Home) -> Result<Daemon, Refusal> {
        let log = File::options().create(true).append(true).open(home.log()).expect("a fresh folder can be written");
        let said_before = log.metadata().map_or(0, |data| data.len());
        let mut child = self.command(home, log).spawn().expect("the daemon's program can be run");
        let pid = child.id().expect("it was just started");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let address = soon("the daemon's ready line", async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(address) = line.strip_prefix(READY) {
                    return Some(address.trim().to_owned());
                }
            }
            None
        });
        match address.await {
            Some(address) => {
                // Whatever else it says must not fill the pipe.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                Ok(Daemon { child, pid, address, data: home.data(), log: home.log() })
            }
            None => {
                let status = soon("the daemon's end", child.wait()).await.expect("it is our child");
                Err(Refusal { status, log: tail(&home.log(), said_before) })
            }
        }
    }

    fn command(&self, home: &Home, log: File) -> Command {
        let mut words = self.inside.iter().map(OsString::as_os_str).chain([self.program.as_os_str()]);
        let mut command = Command::new(words.next().expect("the program is among them"));
        command.args(words);
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        let mut options = BTreeMap::from([
            ("--data-dir".to_owned(), home.data().into()),
            ("--codex-home".to_owned(), home.codex_home().into()),
            ("--listen".to_owned(), "127.0.0.1:0".into()),
        ]);
        options.extend(self.options.clone());
        command
            .arg("serve")
            .args(options.into_iter().flat_map(|(name, value)| [name.into(), value]))
            .args(&self.arguments);
        for inherited in ["DATA_DIR", "CODEX_HOME", "HOST", "PORT", "CODEX_BIN"] {
            command.env_remove(inherited);
        }
        // No test has a use for the login of whoever runs it.
        command.env("CODEX_MANAGER_BRING_LOGIN", "false");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(home.project()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        command
    }
}

/// A daemon that did not come to listen.
#[derive(Debug)]
pub struct Refusal {
    /// How it ended.
    pub status: ExitStatus,
    /// What it said to stderr.
    pub log: String,
}

/// A daemon that listens. Dropped, it is killed, and whatever it started with it.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    pid: u32,
    address: String,
    data: PathBuf,
    log: PathBuf,
}

impl Daemon {
    /// Its API, with the bearer token that it made at its first start.
    ///
    /// # Panics
    /// When there is no token.
    pub fn api(&self) -> Api {
        let token = fs::read_to_string(self.data.join("token")).expect("a daemon that listens has made its token");
        Api::new(&self.address, token.trim())
    }

    /// Where it listens: `http://127.0.0.1:4317`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// All processes that descend from it.
    pub fn descendants(&self) -> Vec<Process> {
        Process::descendants(self.pid)
    }

    /// The end of what it says to stderr.
    pub fn log(&self) -> String {
        tail(&self.log, 0)
    }

    /// Kills it as a power cut would, and waits until it is over.
    ///
    /// # Panics
    /// When it survives.
    pub async fn kill(mut self) {
        soon("the killed daemon's end", self.child.kill()).await.expect("it is our child");
    }

    /// Waits until it is over without being asked to.
    ///
    /// # Panics
    /// When it goes on.
    pub async fn end(mut self) -> ExitStatus {
        soon("the daemon's own end", self.child.wait()).await.expect("it is our child")
    }

    /// Asks it to stop and waits until it has.
    ///
    /// # Panics
    /// When it does not.
    pub async fn stop(mut self) -> ExitStatus {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).expect("a process has a number");
        kill_process(pid, Signal::TERM).expect("it is our child");
        soon("the stopped daemon's end", self.child.wait()).await.expect("it is our child")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let family = self.descendants();
        // It may have ended by itself.
        let _ = self.child.start_kill();
        family.iter().for_each(Process::kill);
        if std::thread::panicking() {
            eprintln!("the daemon's log:\n{}", self.log());
        }
    }
}

/// The end of the file at `path`, from `start` on at the earliest.
fn tail(path: &Path, start: u64) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    let start = usize::try_from(start).unwrap_or(0).max(bytes.len().saturating_sub(LOG_SHOWN));
    String::from_utf8_lossy(&bytes[start.min(bytes.len())..]).into_owned()
}
