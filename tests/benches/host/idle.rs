//! What the daemon costs when nothing happens, and how soon it answers. The child is not counted: it is the scripted one.

use std::fs;
use std::time::{Duration, Instant};

use codex_manager_tests::{Api, Daemon, Home, Launch, Socket};
use serde_json::{Value, json};

use crate::SCRATCH;
use crate::figures::{percentile, shown};
use crate::guard::Guard;

/// How many starts are measured.
const STARTS: usize = 10;
/// What it may take until the first healthy answer.
const ANSWER_MAX: Duration = Duration::from_millis(100);
/// What it may hold, in MB, without extensions and with the guard.
const RESIDENT_MB_MAX: u64 = 30;
const RESIDENT_MB_MAX_WITH_GUARD: u64 = 40;

/// Daemons that were started, one after another.
#[derive(Default)]
struct Starts {
    /// How soon each answered.
    took: Vec<Duration>,
    /// What each held in the end, in KiB.
    resident: Vec<u64>,
}

/// Measures daemons without extensions, each on fresh folders, once their child is ready.
pub(crate) async fn measure() {
    let mut starts = Starts::default();
    for _ in 0..STARTS {
        let home = Home::new(SCRATCH);
        let (daemon, _) = starts.start(&home).await;
        daemon.api().until_codex_is("ready").await;
        starts.stop(daemon).await;
    }
    println!("idle      a daemon with a ready child, on fresh folders, {STARTS} starts");
    starts.report(RESIDENT_MB_MAX);
}

/// Measures daemons with the guard, which an earlier life has approved and compiled, once it has declined something.
pub(crate) async fn measure_with(guard: &Guard) {
    let home = guard.home();
    let daemon = launch().start(&home).await;
    guard.approve(&daemon.api()).await;
    decline(guard, &daemon.api()).await;
    daemon.stop().await;

    let mut starts = Starts::default();
    for _ in 0..STARTS {
        let (daemon, health) = starts.start(&home).await;
        assert_eq!(health["extensions"]["running"], 1);
        decline(guard, &daemon.api()).await;
        starts.stop(daemon).await;
    }
    println!("idle      the same with the guard, approved and compiled before, after it declined something");
    starts.report(RESIDENT_MB_MAX_WITH_GUARD);
}

async fn decline(guard: &Guard, api: &Api) {
    api.until_codex_is("ready").await;
    let session = api.session(json!({})).await;
    guard.decline(api, &mut Socket::open(api, "").await, &session).await;
}

fn launch() -> Launch {
    Launch::new(env!("CARGO_BIN_EXE_daemon-under-test"), env!("CARGO_BIN_EXE_scripted-app-server"))
        .argument("--allow-uncontained")
}

impl Starts {
    /// Starts one; gives its first word on its health too.
    async fn start(&mut self, home: &Home) -> (Daemon, Value) {
        let launch = launch();
        let start = Instant::now();
        let daemon = launch.start(home).await;
        let health = daemon.api().get("/api/health").await;
        self.took.push(start.elapsed());
        (daemon, health.expect(200).clone())
    }

    /// Notes what it holds, and stops it.
    async fn stop(&mut self, daemon: Daemon) {
        self.resident.push(resident_kib(daemon.pid()));
        daemon.stop().await;
    }

    fn report(mut self, resident_mb_max: u64) {
        self.resident.sort_unstable();
        println!(
            "  process start to first healthy answer: p50 {}, worst {} (at most {})",
            shown(percentile(&mut self.took, 50)),
            shown(percentile(&mut self.took, 100)),
            shown(ANSWER_MAX),
        );
        println!(
            "  resident memory, child excluded: p50 {:.1} MB, worst {:.1} MB (at most {resident_mb_max} MB)",
            self.resident[STARTS / 2] as f64 / 1000.0 * 1.024,
            self.resident[STARTS - 1] as f64 / 1000.0 * 1.024,
        );
    }
}

fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0)
}
