//! The server that is measured.

use codex_manager_tests::{Api, Daemon, Home, Launch};

use crate::SCRATCH;

/// A server with this API.
pub(crate) struct Server {
    pub(crate) api: Api,
    /// Its process, where that is known.
    pub(crate) pid: Option<u32>,
}

/// Our daemon, as a process, with the scripted app-server as its child.
pub(crate) struct Ours {
    daemon: Daemon,
    _home: Home,
}

impl Ours {
    /// Starts it on fresh folders, and waits until its child is ready.
    pub(crate) async fn start() -> Self {
        Self::start_on(Home::new(SCRATCH)).await
    }

    /// The same on a home that is prepared.
    pub(crate) async fn start_on(home: Home) -> Self {
        let (program, child) = (env!("CARGO_BIN_EXE_daemon-under-test"), env!("CARGO_BIN_EXE_scripted-app-server"));
        let daemon = Launch::new(program, child).argument("--allow-uncontained").start(&home).await;
        daemon.api().until_codex_is("ready").await;
        Self { daemon, _home: home }
    }

    /// It as a server.
    pub(crate) fn server(&self) -> Server {
        Server { api: self.daemon.api(), pid: Some(self.daemon.pid()) }
    }

    /// Stops it.
    pub(crate) async fn stop(self) {
        self.daemon.stop().await;
    }
}
