//! A daemon with the real Codex as its child, and the scripted model behind that.

use std::path::Path;

use codex_manager_scripted_model::{ScriptedModel, codex_config};
use codex_manager_tests::{Api, Daemon, Home, Launch, Socket};
use serde_json::{Value, json};

use crate::stage::ends;

/// Folders, a model, a daemon on them, and a client of it.
pub(crate) struct Offline {
    pub(crate) home: Home,
    pub(crate) model: ScriptedModel,
    pub(crate) daemon: Daemon,
    pub(crate) api: Api,
    launch: Launch,
}

/// The real Codex, or the end of this test, told loudly.
macro_rules! real_codex {
    () => {
        match codex_manager_tests::codex() {
            Ok(program) => program,
            Err(why) => codex_manager_tests::skip!(why),
        }
    };
}
pub(crate) use real_codex;

impl Offline {
    /// Starts everything and waits until the child is ready.
    pub(crate) async fn start(codex: &Path) -> Self {
        let launch = Launch::new(env!("CARGO_BIN_EXE_daemon-under-test"), codex).argument("--allow-uncontained");
        Self::start_by(Home::new(env!("CARGO_TARGET_TMPDIR")), launch, |_| ()).await
    }

    /// The same on this `home`, made ready as is said, with a daemon started as is said.
    pub(crate) async fn start_by(home: Home, launch: Launch, ready: impl FnOnce(&Home)) -> Self {
        let model = ScriptedModel::start().await.unwrap();
        std::fs::write(home.codex_home().join("config.toml"), codex_config(&model.base_url(), "read-only")).unwrap();
        ready(&home);
        let daemon = launch.start(&home).await;
        let api = daemon.api();
        api.until_codex_is("ready").await;
        Self { home, model, daemon, api, launch }
    }

    /// Kills the daemon and starts it again on the same folders.
    pub(crate) async fn restart(self) -> Self {
        self.restart_after(async |_| {}).await
    }

    /// The same, with something done in between.
    pub(crate) async fn restart_after(self, meanwhile: impl AsyncFnOnce(&Home)) -> Self {
        let Self { home, model, daemon, launch, .. } = self;
        daemon.kill().await;
        meanwhile(&home).await;
        let daemon = launch.start(&home).await;
        let api = daemon.api();
        api.until_codex_is("ready").await;
        Self { home, model, daemon, api, launch }
    }

    /// Makes a session in the project folder.
    pub(crate) async fn session(&self, approval_policy: &str, sandbox: &str) -> String {
        let cwd = self.home.project();
        let body = json!({"cwd": cwd, "approvalPolicy": approval_policy, "filesystemSandbox": sandbox});
        self.api.session(body).await
    }

    /// Waits for the end of a turn; gives all that the stream has ever said up to there, and the turn's answer.
    pub(crate) async fn until_end(&self, turn: &str) -> (Vec<Value>, String) {
        let mut socket = Socket::open(&self.api, "?after=0").await;
        let frames = socket.until("the turn's end", |frame| ends(frame, turn)).await;
        let answers = frames.iter().filter(|frame| {
            frame["type"] == "app_server.item.completed"
                && frame["payload"]["context"]["turnId"] == turn
                && frame["payload"]["params"]["item"]["type"] == "agentMessage"
        });
        let answer = answers.filter_map(|frame| frame["payload"]["params"]["item"]["text"].as_str()).collect();
        (frames, answer)
    }

    /// Sends a message and gives the answer.
    pub(crate) async fn ask(&self, session: &str, text: &str) -> String {
        let turn = self.api.say(session, text).await;
        self.until_end(&turn).await.1
    }

    /// Why the child is not contained; `None` when it is.
    pub(crate) async fn not_contained(&self) -> Option<String> {
        let contained = self.api.codex().await["contained"].clone();
        (contained["state"] != "contained").then(|| contained.to_string())
    }
}
