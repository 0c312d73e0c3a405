//! What the machine does meanwhile, and how figures are summed up.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

/// How long the disk is watched.
const FSYNC_FOR: Duration = Duration::from_millis(500);

/// Prints the machine's load and how fast its disk syncs, right now.
pub(crate) fn machine(scratch: &Path) {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    let cores = available_parallelism().map_or(1, usize::from);
    let mut sync = fsyncs(scratch);
    println!(
        "\nmachine   {cores} cores, load {load}; fdatasync of 4 KiB: {:.0}/s, p50 {}, p99 {}",
        1.0 / mean(&sync).as_secs_f64(),
        shown(percentile(&mut sync, 50)),
        shown(percentile(&mut sync, 99)),
    );
}

/// How long each of many syncs took.
pub(crate) fn fsyncs(scratch: &Path) -> Vec<Duration> {
    let path = scratch.join("fsync");
    let mut file = File::create(&path).expect("the scratch folder can be written");
    let end = Instant::now() + FSYNC_FOR;
    let mut took = Vec::new();
    while Instant::now() < end {
        let start = Instant::now();
        file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(&[0; 4096])).expect("a small write succeeds");
        file.sync_data().expect("a sync succeeds");
        took.push(start.elapsed());
    }
    drop(file);
    let _ = fs::remove_file(path);
    took
}

/// The value below which `percent` of the values lie.
pub(crate) fn percentile(values: &mut [Duration], percent: usize) -> Duration {
    values.sort_unstable();
    let index = (values.len() * percent / 100).min(values.len().saturating_sub(1));
    values.get(index).copied().unwrap_or_default()
}

fn mean(values: &[Duration]) -> Duration {
    values.iter().sum::<Duration>() / u32::try_from(values.len().max(1)).unwrap_or(u32::MAX)
}

/// A duration in milliseconds.
pub(crate) fn shown(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1000.0)
}
