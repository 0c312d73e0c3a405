//! The figures of the host, measured in one run on this machine.
//!
//! Absolute figures are this disk's and this minute's; the ratios beside them are what compares. Nothing here passes or
//! fails: a bound is printed beside its figure, for people to read.

mod commits;
mod figures;
mod idle;
mod stream;

use std::path::Path;

/// Where the benchmark's files lie: the same disk as the build.
const SCRATCH: &str = env!("CARGO_TARGET_TMPDIR");

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(async {
        figures::machine(Path::new(SCRATCH));
        commits::measure().await;
        figures::machine(Path::new(SCRATCH));
        stream::measure().await;
        idle::measure().await;
    });
}
