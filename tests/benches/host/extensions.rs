//! What lies between an approval's row in the log and the reply in the child's stdin when an extension decides.
//!
//! The guard is asked one approval after another. The daemon runs in this process and is watched at its arrows, so that
//! commits and the ways between threads stand apart from the guard's own call.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use codex_manager_tests::{Socket, watch_arrows};
use serde_json::json;

use crate::figures::{percentile, shown};
use crate::guard::Guard;
use crate::running::Running;

/// How many approvals are measured.
const APPROVALS: usize = 300;

/// When the daemon passed its arrows, for each approval in turn.
type Passed = BTreeMap<String, Vec<Instant>>;

/// Measures with the guard alone, its code compiled and called before.
pub(crate) async fn measure(guard: &Guard) {
    let home = guard.home();
    let daemon = Running::start(&home).await;
    let api = &daemon.api;
    guard.approve(api).await;
    let session = api.session(json!({})).await;
    let mut socket = Socket::open(api, "").await;
    guard.decline(api, &mut socket, &session).await;

    let (tell, told) = mpsc::channel();
    watch_arrows(move |arrow| {
        // Nobody listens any more to what comes after the end.
        let _ = tell.send((arrow.to_owned(), Instant::now()));
    });
    let commits = daemon.watch_commits();
    let mut asked = Vec::with_capacity(APPROVALS);
    for _ in 0..APPROVALS {
        asked.push(guard.decline(api, &mut socket, &session).await);
    }
    let commits = daemon.stop(commits).await;
    let mut passed = Passed::new();
    for (arrow, at) in told.try_iter() {
        passed.entry(arrow).or_default().push(at);
    }
    let rows = asked.into_iter().map(|seq| commits.at(seq).expect("it was committed"));
    passed.insert("row".to_owned(), rows.collect());
    report(&passed);
}

fn report(passed: &Passed) {
    println!("extensions {APPROVALS} approvals, one after another, each declined by the guard");
    for (what, from, to) in [
        ("approval's row committed to reply in the child's stdin", "row", "reply_written"),
        ("approval's row committed to group committed", "row", "group_committed"),
        ("  row committed to call begun, the log read and threads changed", "row", "call_begun"),
        ("  call begun to returned, fresh instance and threads changed", "call_begun", "call_returned"),
        ("  the group's commit, one transaction with its fsync", "call_returned", "group_committed"),
        ("group committed to reply in the child's stdin, another commit between", "group_committed", "reply_written"),
    ] {
        let mut took = between(&passed[from], &passed[to]);
        println!("  {what}: p50 {}, p99 {}", shown(percentile(&mut took, 50)), shown(percentile(&mut took, 99)));
    }
}

/// From one arrow to another, for each approval.
fn between(from: &[Instant], to: &[Instant]) -> Vec<Duration> {
    assert_eq!((from.len(), to.len()), (APPROVALS, APPROVALS), "every approval passes every arrow once");
    from.iter().zip(to).map(|(from, to)| to.saturating_duration_since(*from)).collect()
}
