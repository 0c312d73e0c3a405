//! A daemon in this process, so that the moment of each commit is seen as it is announced. Its child and its clients'
//! sockets are real.

use std::thread;
use std::time::Instant;

use codex_manager::{Daemon, RunError, ShutdownHandle};
use codex_manager_model::Seq;
use codex_manager_tests::{Api, Home};
use tokio::runtime::{self, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A daemon that runs, with the scripted app-server as its child.
pub(crate) struct Running {
    pub(crate) api: Api,
    head: watch::Receiver<Seq>,
    stop: ShutdownHandle,
    run: JoinHandle<Result<(), RunError>>,
    server: Runtime,
}

/// When each number of the log was announced as committed.
pub(crate) struct Commits(thread::JoinHandle<Vec<(u64, Instant)>>);

/// The same, of a daemon that has stopped.
pub(crate) struct Committed(Vec<(u64, Instant)>);

impl Running {
    /// Starts one on `home` and waits until its child is ready.
    pub(crate) async fn start(home: &Home) -> Self {
        // A runtime of its own: readers must not take the daemon's threads.
        let server = Runtime::new().expect("a runtime can be made");
        let builder = Daemon::builder()
            .data_folder(home.data())
            .codex_home(home.codex_home())
            .workspace(home.project())
            .codex(env!("CARGO_BIN_EXE_scripted-app-server"))
            .allow_uncontained(true)
            .listen(([127, 0, 0, 1], 0).into());
        let daemon = server.spawn(builder.build()).await.expect("building does not panic").expect("the daemon starts");
        let token = std::fs::read_to_string(home.data().join("token")).expect("a daemon makes its token");
        let api = Api::new(&format!("http://{}", daemon.address().expect("it was given one")), token.trim());
        let (head, stop) = (daemon.head(), daemon.shutdown_handle());
        let run = server.spawn(daemon.run());
        api.until_codex_is("ready").await;
        Self { api, head, stop, run, server }
    }

    /// Notes commits from now on, from a thread of its own.
    pub(crate) fn watch_commits(&self) -> Commits {
        let mut head = self.head.clone();
        Commits(thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().build().expect("a runtime can be made");
            let mut commits = Vec::new();
            runtime.block_on(async {
                while head.changed().await.is_ok() {
                    commits.push((head.borrow_and_update().0, Instant::now()));
                }
            });
            commits
        }))
    }

    /// Stops it; gives the commits that were noted.
    pub(crate) async fn stop(self, commits: Commits) -> Committed {
        self.stop.shutdown();
        self.run.await.expect("the daemon does not panic").expect("the daemon stops in order");
        self.server.shutdown_background();
        drop(self.head);
        Committed(commits.0.join().expect("the watch ends with the daemon"))
    }
}

impl Committed {
    /// When the row of this number was committed; `None` for one after the end.
    pub(crate) fn at(&self, seq: u64) -> Option<Instant> {
        let index = self.0.partition_point(|(committed, _)| *committed < seq);
        self.0.get(index).map(|(_, at)| *at)
    }
}
