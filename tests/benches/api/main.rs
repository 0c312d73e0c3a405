//! The figures of the API, measured by one client in one run, of our daemon or of any server that has this API:
//!
//! ```text
//! cargo bench -p codex-manager-tests --bench api
//! cargo bench -p codex-manager-tests --bench api -- --base-url http://127.0.0.1:3001 --token T [--pid P] [--prepare]
//! ```
//!
//! Nothing here passes or fails: a bound is printed beside its figure, for people to read. A server that was started by
//! somebody else is measured beside ours, by the same client in the same run; only what shows from outside, and what is
//! left out is said.

mod asked;
mod baseline;
#[path = "../host/figures.rs"]
mod figures;
mod flood;
mod health;
mod load;
mod process;
#[path = "../host/running.rs"]
mod running;
mod server;
mod sessions;
mod stream;
mod transcripts;

use asked::Asked;
use server::Server;

/// Where the benchmark's files lie: the same disk as the build.
const SCRATCH: &str = env!("CARGO_TARGET_TMPDIR");

fn main() {
    let asked = Asked::from_arguments(std::env::args().skip(1));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(async {
        figures::machine(SCRATCH.as_ref());
        match asked.given() {
            Some(given) => both(&given, asked.prepare).await,
            None => ours().await,
        }
        figures::machine(SCRATCH.as_ref());
    });
}

async fn ours() {
    let ours = server::Ours::start().await;
    measure(&ours.server(), true).await;
    ours.stop().await;
    figures::machine(SCRATCH.as_ref());
    transcripts::measure().await;
    figures::machine(SCRATCH.as_ref());
    flood::measure().await;
    figures::machine(SCRATCH.as_ref());
    stream::measure().await;
}

async fn both(given: &Server, prepare: bool) {
    let ours = server::Ours::start().await;
    println!("ours");
    measure(&ours.server(), true).await;
    ours.stop().await;
    figures::machine(SCRATCH.as_ref());
    println!("{}", given.api.base());
    measure(given, prepare).await;
    println!(
        "skipped   the stream at 1 000 events/s and the reader that never reads: only our own child writes on demand"
    );
}

async fn measure(server: &Server, prepare: bool) {
    sessions::measure(server, prepare).await;
    figures::machine(SCRATCH.as_ref());
    health::measure(server).await;
}
