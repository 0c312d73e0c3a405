//! What a reader that never reads costs in memory.

use std::time::{Duration, Instant};

use codex_manager_tests::{Fault, Home, Moment, Socket, resident_kib};
use serde_json::json;
use tokio::time::sleep;

use crate::SCRATCH;
use crate::server::Ours;

/// How many items are started and completed, each of which is two events.
const ITEMS: u32 = 100_000;
const EVENTS: u64 = 2 * ITEMS as u64;
/// How much more memory the daemon may hold, in MB.
const GROWTH_MB_MAX: u64 = 16;
/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long all of it may take.
const TIME_MAX: Duration = Duration::from_secs(600);

/// Measures a daemon as a process, after it has done a turn, while it takes in the flood.
pub(crate) async fn measure() {
    let home = Home::new(SCRATCH);
    home.script([Fault::Items(1000).at(Moment::Turn).once(), Fault::Items(ITEMS).at(Moment::Turn)]);
    let ours = Ours::start_on(home).await;
    let server = ours.server();
    let (api, pid) = (&server.api, server.pid.expect("it was started here"));
    let head = async || api.get("/api/events?limit=1").await.expect(200)["head"].as_u64().unwrap_or(0);
    let session = api.session(json!({})).await;
    let turn = api.say(&session, "warm up").await;
    let over = |frame: &serde_json::Value| {
        frame["type"] == "app_server.turn.completed" && frame["payload"]["context"]["turnId"] == turn
    };
    Socket::open(api, "?after=0").await.until("the first turn", over).await;

    let never_reads = Socket::open(api, "").await;
    let (first, before) = (head().await, resident_kib(pid).unwrap_or(0));
    let start = Instant::now();
    api.say(&session, "go").await;
    let (mut most, mut last) = (before, first);
    while last < first + EVENTS && start.elapsed() < TIME_MAX {
        sleep(LOOK_EVERY).await;
        most = most.max(resident_kib(pid).unwrap_or(0));
        last = head().await;
    }
    let took = start.elapsed().as_secs_f64();
    let growth = (most - before) as f64 / 1000.0 * 1.024;
    println!("flood     {} events in {took:.1} s, with one reader that never reads", last - first);
    println!(
        "  resident memory: {:.1} MB before, at most {growth:.1} MB more (at most {GROWTH_MB_MAX})",
        before as f64 / 1000.0 * 1.024
    );
    drop(never_reads);
    ours.stop().await;
}
