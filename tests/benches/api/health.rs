//! What an answer costs the server: `GET /api/health` over sixteen connections, beside a Fastify server that answers a
//! constant of the same size.

use std::time::Duration;

use codex_manager_tests::skipped;

use crate::baseline::Baseline;
use crate::load::Load;
use crate::process::spent;
use crate::server::Server;

const CONNECTIONS: usize = 16;
/// How long each is asked at a time, and how often in turn.
const AT_A_TIME: Duration = Duration::from_secs(4);
const TURNS: u32 = 3;
/// What an answer may cost of what the other's does.
const RATIO_MAX: f64 = 0.5;

/// What one server did.
#[derive(Default)]
struct Did {
    answers: u64,
    time: Duration,
    spent: Duration,
}

/// Measures both in turn.
pub(crate) async fn measure(server: &Server) {
    let ask = Load::get(&server.api, "/api/health");
    let bytes = ask.connect().await.expect("the server takes connections").ask().await.expect("health is answered");
    let baseline = match Baseline::start(bytes).await {
        Ok(baseline) => Some(baseline),
        Err(why) => {
            skipped(&format!("there is no Fastify to compare with: {why}"));
            None
        }
    };
    let (mut theirs, mut ours) = (Did::default(), Did::default());
    for _ in 0..TURNS {
        ours.go_on(&ask, server.pid).await;
        if let Some(baseline) = &baseline {
            theirs.go_on(&baseline.load, Some(baseline.pid)).await;
        }
    }
    println!(
        "health    {bytes} bytes, {CONNECTIONS} connections, {TURNS} times {} s each, in turn",
        AT_A_TIME.as_secs()
    );
    ours.tell("the server", server.pid.is_some());
    if let Some(baseline) = baseline {
        theirs.tell(&format!("Fastify on Node {}, a constant", baseline.version), true);
        if server.pid.is_some() {
            let ratio = ours.each().as_secs_f64() / theirs.each().as_secs_f64();
            println!("  CPU per request: {ratio:.2} of Fastify's (at most {RATIO_MAX})");
        }
        baseline.stop().await;
    }
}

impl Did {
    async fn go_on(&mut self, load: &Load, pid: Option<u32>) {
        let so_far = || pid.and_then(spent).unwrap_or_default();
        let before = so_far();
        self.answers += load.for_a_while(CONNECTIONS, AT_A_TIME).await;
        self.spent += so_far().saturating_sub(before);
        self.time += AT_A_TIME;
    }

    /// The time that one answer took of a processor.
    fn each(&self) -> Duration {
        self.spent.div_f64(self.answers.max(1) as f64)
    }

    fn tell(&self, who: &str, is_known: bool) {
        let rate = self.answers as f64 / self.time.as_secs_f64();
        let cost = if is_known {
            format!("{:.1} µs of CPU each", self.each().as_secs_f64() * 1e6)
        } else {
            "CPU not measured: --pid names the process".to_owned()
        };
        println!("  {who}: {rate:.0} requests/s, {cost}");
    }
}
