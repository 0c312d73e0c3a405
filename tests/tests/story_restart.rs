//! The daemon is killed in the middle of a streamed turn, and started again on the same folders.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use codex_manager_tests::{Process, Socket, row, skip, until};
use serde_json::{Value, json};

use crate::offline::{Offline, real_codex};
use crate::stage::of_type;

/// How far what is kept may be behind what a client saw: a flush, and the time that a busy machine takes for it.
const BEHIND_MAX: Duration = Duration::from_millis(500 + 2500);

fn seqs(frames: &[Value]) -> BTreeSet<u64> {
    frames.iter().filter_map(row).collect()
}

#[tokio::test]
async fn a_killed_daemon_keeps_what_clients_saw() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("never", "read-only").await;
    let mut socket = Socket::open(&offline.api, "?after=0").await;
    let turn = offline.api.say(&session, "::slow 1000 20").await;

    let mut seen: Vec<(Instant, usize)> = Vec::new();
    let mut text = String::new();
    let delta = |frame: &Value| frame["payload"]["params"]["delta"].as_str().map(str::to_owned);
    let before = socket.until("more words than are said in that time", |frame| {
        if let Some(delta) = delta(frame).filter(|_| frame["type"] == "app_server.item.agent_message.delta") {
            text.push_str(&delta);
            seen.push((Instant::now(), text.len()));
        }
        seen.first().is_some_and(|(first, _)| first.elapsed() > 2 * BEHIND_MAX)
    });
    let before = before.await;
    let family = offline.daemon.descendants();
    assert!(family.iter().any(|process| process.name.contains("codex")), "{family:?}");
    let killed = Instant::now();
    let offline = offline.restart().await;
    Process::all_gone(&family).await;

    let last = seqs(&before).last().copied().unwrap();
    let told = |frame: &Value| frame["type"] == "turn_interrupted";
    let after = Socket::open(&offline.api, &format!("?after={last}")).await.until("the interrupted turn", told).await;
    let all = Socket::open(&offline.api, "?after=0").await.until("the interrupted turn", told).await;
    assert!(seqs(&before).is_disjoint(&seqs(&after)), "a row came twice");
    assert_eq!(&seqs(&before) | &seqs(&after), seqs(&all), "a row is missing");
    assert_eq!(seqs(&all).len() as u64, *seqs(&all).last().unwrap(), "the log has a gap");

    let interrupted = &of_type(&all, "turn_interrupted")[0]["payload"];
    assert_eq!((&interrupted["turnId"], &interrupted["threadId"]), (&json!(turn), &json!(session)));
    let entries = offline.api.transcript(&session).await;
    let kept = entries.iter().find(|entry| entry["turnId"] == turn && entry["role"] == "assistant").unwrap();
    let kept = kept["content"].as_str().unwrap();
    let due = seen.iter().filter(|(at, _)| *at + BEHIND_MAX <= killed).map(|(_, length)| *length).max().unwrap_or(0);
    assert!(kept.len() >= due, "{due} bytes were seen long before the kill, and {} are kept", kept.len());
    assert!(text.starts_with(kept) || kept.starts_with(&text), "{kept}");
    assert!(offline.ask(&session, "go on").await.contains("go on"));
}

#[tokio::test]
async fn a_killed_daemon_leaves_no_process_behind() {
    let offline = Offline::start(&real_codex!()).await;
    if let Some(why) = offline.not_contained().await {
        skip!(format!("the child is not contained here: {why}"));
    }
    let session = offline.session("never", "danger-full-access").await;
    // Unlike any other: the folder's name is random.
    let marked = offline.home.project().join("marked").display().to_string();
    let command = format!("touch {marked}; setsid tail -f {marked} > /dev/null 2>&1 < /dev/null & echo left");
    offline.ask(&session, &format!("::exec {command}")).await;
    let detached = until("the detached process", async || Process::with_argument(&marked).pop()).await;
    let family = offline.daemon.descendants();
    offline.daemon.kill().await;
    Process::all_gone(&family).await;
    Process::all_gone(&[detached]).await;
}

#[tokio::test]
async fn a_daemon_that_is_asked_to_stop_stops_and_leaves_nothing() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("never", "read-only").await;
    offline.api.say(&session, "::hold").await;
    let family = offline.daemon.descendants();
    let status = offline.daemon.stop().await;
    assert!(status.success(), "{status}");
    Process::all_gone(&family).await;
}
