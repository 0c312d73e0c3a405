//! How long after an event is committed its readers have it, at 1 000 events a second.
//!
//! What lies before the commit, the fsync above all, is in the second figure only.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use codex_manager_tests::{Fault, Home, Moment, Socket};
use serde_json::json;
use tokio::task::JoinSet;

use crate::SCRATCH;
use crate::figures::{machine, percentile, shown};
use crate::running::{Committed, Running};

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

/// Measures with 1 and with 100 readers.
pub(crate) async fn measure() {
    println!("stream    {EVENTS} durable events, one every {}", shown(APART));
    for readers in [1, 100] {
        let home = Home::new(SCRATCH);
        home.script([Fault::Paced(EVENTS, APART.as_micros() as u64).at(Moment::Turn)]);
        let daemon = Running::start(&home).await;
        let api = &daemon.api;
        let session = api.session(json!({})).await;
        let mut tasks = JoinSet::new();
        for _ in 0..readers {
            tasks.spawn(read(Socket::open(api, "").await));
        }
        let commits = daemon.watch_commits();
        api.say(&session, "go").await;
        let read = tasks.join_all().await;
        let commits = daemon.stop(commits).await;
        report(readers, &read, &commits);
        machine(SCRATCH.as_ref());
    }
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

fn report(readers: usize, read: &[Vec<Read>], commits: &Committed) {
    let after_commit = |event: &Read| commits.at(event.seq).map(|at| event.at.saturating_duration_since(at));
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
