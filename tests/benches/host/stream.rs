//! How long after an event is committed its readers have it, at 1 000 events a second.
//!
//! The daemon runs in this process, so that the moment of each commit is seen as it is announced; the child that speaks and
//! the readers' sockets are real. What lies before the commit, the fsync above all, is in the second figure only.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use codex_manager::{Daemon, RunError, ShutdownHandle};
use codex_manager_model::Seq;
use codex_manager_tests::{Api, Fault, Home, Moment, Socket};
use serde_json::json;
use tokio::runtime::{self, Runtime};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::SCRATCH;
use crate::figures::{machine, percentile, shown};

/// How many events are sent, and how far apart.
const EVENTS: u32 = 5_000;
const APART: Duration = Duration::from_millis(1);

/// What a reader noted about an event.
struct Read {
    seq: u64,
    /// When it came.
    at: Instant,
    /// How long after the child wrote it.
    after_write: Duration,
}

/// A daemon in this process.
struct Running {
    api: Api,
    head: watch::Receiver<Seq>,
    stop: ShutdownHandle,
    run: JoinHandle<Result<(), RunError>>,
}

/// Measures with 1 and with 100 readers.
pub(crate) async fn measure() {
    println!("stream    {EVENTS} durable events, one every {}", shown(APART));
    for readers in [1, 100] {
        let home = Home::new(SCRATCH);
        home.script([Fault::Paced(EVENTS, APART.as_micros() as u64).at(Moment::Turn)]);
        // A runtime of its own: readers must not take the daemon's threads.
        let server = Runtime::new().expect("a runtime can be made");
        let Running { api, head, stop, run } = start(&server, &home).await;
        api.until_codex_is("ready").await;
        let session = api.session(json!({})).await;
        let mut tasks = JoinSet::new();
        for _ in 0..readers {
            tasks.spawn(read(Socket::open(&api, "").await));
        }
        let commits = watch_commits(head);
        api.say(&session, "go").await;
        let read = tasks.join_all().await;
        stop.shutdown();
        run.await.expect("the daemon does not panic").expect("the daemon stops in order");
        server.shutdown_background();
        let commits = commits.join().expect("the watch ends with the daemon");
        report(readers, &read, &commits);
        machine(SCRATCH.as_ref());
    }
}

async fn start(server: &Runtime, home: &Home) -> Running {
    let builder = Daemon::builder()
        .data_folder(home.data())
        .codex_home(home.codex_home())
        .workspace(home.project())
        .codex(env!("CARGO_BIN_EXE_scripted-app-server"))
        .allow_uncontained(true)
        .listen(([127, 0, 0, 1], 0).into());
    let daemon = server.spawn(builder.build()).await.expect("building does not panic").expect("the daemon starts");
    let token = std::fs::read_to_string(home.data().join("token")).expect("a daemon makes its token");
    let api = Api::new(&format!("http://{}", daemon.address()), token.trim());
    let (head, stop) = (daemon.head(), daemon.shutdown_handle());
    Running { api, head, stop, run: server.spawn(daemon.run()) }
}

/// Notes when each number was announced as committed, from a thread of its own.
fn watch_commits(mut head: watch::Receiver<Seq>) -> thread::JoinHandle<Vec<(u64, Instant)>> {
    thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread().build().expect("a runtime can be made");
        let mut commits = Vec::new();
        runtime.block_on(async {
            while head.changed().await.is_ok() {
                commits.push((head.borrow_and_update().0, Instant::now()));
            }
        });
        commits
    })
}

/// Reads until every event has come.
async fn read(mut socket: Socket) -> Vec<Read> {
    let mut read = Vec::with_capacity(EVENTS as usize);
    while read.len() < EVENTS as usize {
        let Some(text) = socket.next_text().await else { break };
        if !text.starts_with("{\"type\":\"app_server.item.completed\"") {
            continue;
        }
        if let (Some(seq), Some(written)) = (number(&text, "\"seq\":"), number(&text, "\"writtenAtMicros\":")) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let after_write = now.saturating_sub(Duration::from_micros(written));
            read.push(Read { seq, at: Instant::now(), after_write });
        }
    }
    read
}

fn number(text: &str, member: &str) -> Option<u64> {
    let digits = text.split_once(member)?.1;
    let end = digits.find(|c: char| !c.is_ascii_digit())?;
    digits[..end].parse().ok()
}

fn report(readers: usize, read: &[Vec<Read>], commits: &[(u64, Instant)]) {
    let after_commit = |event: &Read| {
        let index = commits.partition_point(|(seq, _)| *seq < event.seq);
        commits.get(index).map(|(_, at)| event.at.saturating_duration_since(*at))
    };
    let missed = read.iter().filter(|events| events.len() != EVENTS as usize).count();
    let mut from_commit: Vec<_> = read.iter().flatten().filter_map(after_commit).collect();
    let mut from_write: Vec<_> = read.iter().flatten().map(|event| event.after_write).collect();
    println!("  {readers} readers, of which {missed} missed any");
    for (what, latencies) in [
        ("commit to client", &mut from_commit),
        ("child's write to client, intake and fsync included", &mut from_write),
    ] {
        println!(
            "    {what}: p50 {}, p99 {}, worst {}",
            shown(percentile(latencies, 50)),
            shown(percentile(latencies, 99)),
            shown(percentile(latencies, 100)),
        );
    }
}
