//! How many events a second are committed and fsynced, and how many operations share one fsync.

use std::time::{Duration, Instant};

use codex_manager_model::{NewEvent, SessionId};
use codex_manager_store::{Config, Error, Store};
use jiff::Timestamp;
use serde_json::json;
use tokio::task::JoinSet;

use crate::SCRATCH;

/// How long each number of producers writes.
const FOR: Duration = Duration::from_secs(3);
/// Operations per fsync that 16 producers must reach.
const PER_FSYNC_MIN: f64 = 6.0;

/// Measures with 1, 16 and 64 producers that each wait for their own commit.
pub(crate) async fn measure() {
    println!("commits   each producer appends one event of about 1 KiB and waits until it is fsynced");
    for producers in [1, 16, 64] {
        let folder = tempfile::tempdir_in(SCRATCH).expect("the scratch folder can be written");
        let config = Config { folder: folder.path().join("data"), size_bytes_max: None };
        let store = config.open().expect("a fresh store opens");
        let before = store.stats();
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..producers {
            tasks.spawn(produce(store.clone(), start + FOR));
        }
        tasks.join_all().await;
        let took = start.elapsed().as_secs_f64();
        let after = store.stats();
        let (operations, commits) = (after.operations - before.operations, after.commits - before.commits);
        let ratio = operations as f64 / commits.max(1) as f64;
        let bound = if producers == 16 { format!(" (at least {PER_FSYNC_MIN})") } else { String::new() };
        println!(
            "  {producers:>3} producers: {:>8.0} events/s, {:>6.0} fsyncs/s, {ratio:>5.1} operations per fsync{bound}",
            operations as f64 / took,
            commits as f64 / took,
        );
        store.close().await;
    }
}

async fn produce(store: Store, end: Instant) {
    let session = SessionId::new("01a20237-0dcf-7d72-83da-08635ee18a80");
    let payload = json!({ "text": "x".repeat(900) });
    while Instant::now() < end {
        let event = NewEvent::new("benchmark", Some(session.clone()), payload.clone(), Timestamp::now());
        let written: Result<_, Error> = store.write(move |tx| tx.append_event(event)).await;
        written.expect("the disk has room");
    }
}
