//! A child that is a shell script, and a supervisor over it.

use std::path::PathBuf;
use std::time::Duration;

use codex_manager_app_server::{AppServer, Backoff, ChildState, Config, Containment, Exit, Phase, Signal, Signals};
use codex_manager_model::Generation;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::timeout;

/// How long a test waits for what must come.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// How long a call waits that nobody answers: enough for it to be written, also on a busy machine.
pub(crate) const BRIEF: Duration = Duration::from_millis(500);

/// What every script may use: the handshake, and the id of the next request.
const PRELUDE: &str = r#"
hello() { read -r line; printf '{"id":1,"result":{"userAgent":"t/0.169.0 (X)"}}\n'; read -r line; }
request() { read -r line || exit 0; id=${line#*'"id":'}; id=${id%%[,\}]*}; }
answer() { printf '{"id":%s,"result":"%s"}\n' "$id" "$1"; }
serve() { while request; do answer ok; done; }
"#;

/// A supervised script.
pub(crate) struct Scripted {
    pub(crate) app: AppServer,
    pub(crate) signals: Signals,
    pub(crate) marker: String,
    pub(crate) folder: TempDir,
}

/// Supervises a script that is run by `sh` after the prelude, uncontained, with short delays.
pub(crate) fn script(body: &str) -> Scripted {
    script_with(body, |_| ())
}

/// As [`script`], with a word on the configuration.
pub(crate) fn script_with(body: &str, change: impl FnOnce(&mut Config)) -> Scripted {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("child.sh");
    std::fs::write(&path, format!("{PRELUDE}\n{body}\n")).unwrap();
    let mut config = Config::new("/bin/sh", folder.path());
    config.arguments = vec![path.into_os_string()];
    config.containment = Containment::off();
    config.backoff = Backoff { first: Duration::from_millis(10), max: Duration::from_millis(50), ..config.backoff };
    change(&mut config);
    let marker = config.marker.clone();
    let (app, signals) = config.build().unwrap();
    Scripted { app, signals, marker, folder }
}

impl Scripted {
    /// Waits for a state.
    pub(crate) async fn state(&self, what: impl FnMut(&ChildState) -> bool) -> ChildState {
        let mut state = self.app.state();
        let reached = timeout(DEADLINE, state.wait_for(what)).await;
        reached.unwrap_or_else(|_| panic!("not reached: {:?}", *self.app.state().borrow())).unwrap().clone()
    }

    /// Waits until the child can be called.
    pub(crate) async fn ready(&self) -> ChildState {
        self.state(|state| state.phase == Phase::Ready).await
    }

    /// Waits for the next signal.
    pub(crate) async fn next(&mut self) -> Signal {
        timeout(DEADLINE, self.signals.recv()).await.expect("no signal came").expect("the signals ended")
    }

    /// Waits for the start of a life, past what is said between lives.
    pub(crate) async fn started(&mut self) -> Generation {
        loop {
            match self.next().await {
                Signal::Started { generation, .. } => break generation,
                Signal::Resting { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Waits for what is said between lives: what comes next, and how the last one ended.
    pub(crate) async fn rests(&mut self) -> (Phase, Option<Exit>) {
        match self.next().await {
            Signal::Resting { phase, last_exit, .. } => (phase, last_exit),
            other => panic!("{other:?}"),
        }
    }

    /// Waits for a notification.
    pub(crate) async fn notification(&mut self) -> (String, Value) {
        match self.next().await {
            Signal::Notification { method, params, .. } => (method, params),
            other => panic!("{other:?}"),
        }
    }

    /// Waits for noise.
    pub(crate) async fn noise(&mut self) -> String {
        match self.next().await {
            Signal::Noise { what, .. } => what,
            other => panic!("{other:?}"),
        }
    }

    /// Waits for the end of a life, and gives the reason.
    pub(crate) async fn exited(&mut self) -> String {
        match self.next().await {
            Signal::Exited { exit, .. } => exit.reason,
            other => panic!("{other:?}"),
        }
    }

    /// A file in the script's folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Kills a process.
pub(crate) fn kill(pid: u32) {
    let status = std::process::Command::new("/bin/sh").args(["-c", &format!("kill -9 {pid}")]).status();
    assert!(status.unwrap().success());
}
