//! A daemon with the scripted app-server as its child, and what every story about that child does.

use codex_manager_tests::{Api, Daemon, Home, Launch, Rule, Socket, resident_kib};
use serde_json::{Value, json};

/// Folders, a daemon on them, and a client of it.
pub(crate) struct Stage {
    pub(crate) home: Home,
    daemon: Daemon,
    pub(crate) api: Api,
}

impl Stage {
    /// Starts a daemon whose child does what the rules say.
    pub(crate) async fn start(rules: impl Into<Vec<Rule>>) -> Self {
        let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
        home.script(rules);
        Self::start_on(home).await
    }

    /// Starts a daemon on a home that is prepared.
    pub(crate) async fn start_on(home: Home) -> Self {
        let daemon = launch().start(&home).await;
        Self::of(home, daemon)
    }

    /// A daemon that was started on a home.
    pub(crate) fn of(home: Home, daemon: Daemon) -> Self {
        let api = daemon.api();
        Self { home, daemon, api }
    }

    /// Asks the daemon to stop, and gives the folders.
    pub(crate) async fn end(self) -> Home {
        self.daemon.stop().await;
        self.home
    }

    /// The same, once the child is ready.
    pub(crate) async fn ready(rules: impl Into<Vec<Rule>>) -> Self {
        let stage = Self::start(rules).await;
        stage.api.until_codex_is("ready").await;
        stage
    }

    /// What the daemon holds in memory.
    pub(crate) fn resident_kib(&self) -> u64 {
        resident_kib(self.daemon.pid()).expect("the daemon runs")
    }

    /// Makes a session.
    pub(crate) async fn session(&self) -> String {
        self.api.session(json!({"cwd": self.home.project()})).await
    }

    /// Sends a message, waits for the end of its turn, and gives all that the stream says up to there.
    pub(crate) async fn turn(&self, session: &str, text: &str) -> Vec<Value> {
        let turn = self.api.say(session, text).await;
        self.until_end(&turn).await
    }

    /// Waits for the end of a turn, and gives all that the stream has ever said up to there.
    pub(crate) async fn until_end(&self, turn: &str) -> Vec<Value> {
        self.until("the turn's end", |frame| ends(frame, turn)).await
    }

    /// Gives all that the stream has ever said, up to the frame that `last` finds.
    pub(crate) async fn until(&self, what: &str, last: impl FnMut(&Value) -> bool) -> Vec<Value> {
        told(&self.api, what, last).await
    }

    /// Shows that all is well: the child is ready, and a turn in a new session runs to its end.
    pub(crate) async fn assert_works(&self) {
        self.api.until_codex_is("ready").await;
        let session = self.session().await;
        let turn = self.api.say(&session, "good day").await;
        self.until_end(&turn).await;
        assert_eq!(self.answer(&session, &turn).await, "Hello from the scripted app-server. Done.");
    }

    /// What the assistant said in a turn, as the transcript shows it.
    pub(crate) async fn answer(&self, session: &str, turn: &str) -> String {
        let entries = self.api.transcript(session).await;
        let said = entries.iter().filter(|entry| entry["turnId"] == turn && entry["role"] == "assistant");
        said.filter_map(|entry| entry["content"].as_str()).collect()
    }
}

/// All that the stream has ever said, up to the frame that `last` finds.
pub(crate) async fn told(api: &Api, what: &str, last: impl FnMut(&Value) -> bool) -> Vec<Value> {
    Socket::open(api, "?after=0").await.until(what, last).await
}

/// How a daemon with the scripted app-server is started.
pub(crate) fn launch() -> Launch {
    let (daemon, child) = (env!("CARGO_BIN_EXE_daemon-under-test"), env!("CARGO_BIN_EXE_scripted-app-server"));
    Launch::new(daemon, child).argument("--allow-uncontained")
}

/// Whether a frame tells the end of a turn that ended by itself.
pub(crate) fn ends(frame: &Value, turn: &str) -> bool {
    frame["type"] == "app_server.turn.completed" && frame["payload"]["context"]["turnId"] == turn
}

/// The frames of one type.
pub(crate) fn of_type<'a>(frames: &'a [Value], kind: &str) -> Vec<&'a Value> {
    frames.iter().filter(|frame| frame["type"] == kind).collect()
}
