//! The figures of the host, measured in one run on this machine.
//!
//! Absolute figures are this disk's and this minute's; the ratios beside them are what compares. Nothing here passes or
//! fails: a bound is printed beside its figure, for people to read.

mod commits;
mod extensions;
mod figures;
mod guard;
mod idle;
mod running;

use codex_manager_tests::skipped;
use guard::Guard;

/// Where the benchmark's files lie: the same disk as the build.
const SCRATCH: &str = env!("CARGO_TARGET_TMPDIR");

fn main() {
    let guard = Guard::build();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(async {
        figures::machine(SCRATCH.as_ref());
        commits::measure().await;
        figures::machine(SCRATCH.as_ref());
        idle::measure().await;
        match guard {
            Ok(guard) => with_guard(&guard).await,
            Err(why) => skipped(&format!("the guard cannot be built here: {why}")),
        }
    });
}

async fn with_guard(guard: &Guard) {
    guard.measure();
    idle::measure_with(guard).await;
    figures::machine(SCRATCH.as_ref());
    extensions::measure(guard).await;
    figures::machine(SCRATCH.as_ref());
}
