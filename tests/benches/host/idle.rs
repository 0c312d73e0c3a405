//! What the daemon costs when nothing happens, and how soon it answers. The child is not counted: it is the scripted one.

use std::fs;
use std::time::{Duration, Instant};

use codex_manager_tests::{Home, Launch};

use crate::SCRATCH;
use crate::figures::{percentile, shown};

/// How many starts are measured.
const STARTS: usize = 10;
/// What it may take until the first healthy answer.
const ANSWER_MAX: Duration = Duration::from_millis(100);
/// What it may hold, in MB.
const RESIDENT_MB_MAX: u64 = 30;

/// Measures starts, and the memory of the last one once its child is ready.
pub(crate) async fn measure() {
    let launch = Launch::new(env!("CARGO_BIN_EXE_daemon-under-test"), env!("CARGO_BIN_EXE_scripted-app-server"))
        .argument("--allow-uncontained");
    let mut took = Vec::new();
    let mut resident = Vec::new();
    for _ in 0..STARTS {
        let home = Home::new(SCRATCH);
        let start = Instant::now();
        let daemon = launch.start(&home).await;
        let api = daemon.api();
        api.get("/api/health").await.expect(200);
        took.push(start.elapsed());
        api.until_codex_is("ready").await;
        resident.push(resident_kib(daemon.pid()));
        daemon.stop().await;
    }
    resident.sort_unstable();
    println!("idle      a daemon with a ready child, on fresh folders, {STARTS} starts");
    println!(
        "  process start to first healthy answer: p50 {}, worst {} (at most {})",
        shown(percentile(&mut took, 50)),
        shown(percentile(&mut took, 100)),
        shown(ANSWER_MAX),
    );
    println!(
        "  resident memory, child excluded: p50 {:.1} MB, worst {:.1} MB (at most {RESIDENT_MB_MAX} MB)",
        resident[STARTS / 2] as f64 / 1000.0 * 1.024,
        resident[STARTS - 1] as f64 / 1000.0 * 1.024,
    );
}

fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0)
}
