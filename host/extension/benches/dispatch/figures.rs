//! What the machine does meanwhile, and how two sides are compared.

use std::fs;
use std::thread::available_parallelism;
use std::time::Duration;

/// How many rounds there are, each with one turn of both sides.
const ROUNDS: u32 = 101;

/// Two sides, per event.
pub(crate) struct Compared {
    pub(crate) one: Duration,
    pub(crate) other: Duration,
    /// The median of the rounds' ratios.
    pub(crate) ratio: f64,
    /// The median of what the other one took more in a round.
    pub(crate) more: Duration,
}

/// Prints the machine's load, right now.
pub(crate) fn machine() {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    let cores = available_parallelism().map_or(1, usize::from);
    println!("machine   {cores} cores, load {load}");
}

/// Lets both sides deal with so many events in turn. Each tells how long one event took it.
pub(crate) async fn compare(
    events: u32,
    mut one: impl AsyncFnMut() -> Duration,
    mut other: impl AsyncFnMut() -> Duration,
) -> Compared {
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        // Neither side is always the one that finds the caches warm.
        rounds.push(if round % 2 == 0 {
            let first = turn(events, &mut one).await;
            (first, turn(events, &mut other).await)
        } else {
            let first = turn(events, &mut other).await;
            (turn(events, &mut one).await, first)
        });
    }
    let mut ratios: Vec<_> = rounds.iter().map(|(one, other)| other.as_secs_f64() / one.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    Compared {
        one: median(rounds.iter().map(|(one, _)| *one).collect()),
        other: median(rounds.iter().map(|(_, other)| *other).collect()),
        ratio: ratios[ratios.len() / 2],
        more: median(rounds.iter().map(|(one, other)| other.saturating_sub(*one)).collect()),
    }
}

async fn turn(events: u32, side: &mut impl AsyncFnMut() -> Duration) -> Duration {
    let mut took = Duration::ZERO;
    for _ in 0..events {
        took += side().await;
    }
    took / events
}

/// The value in the middle.
fn median(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values[values.len() / 2]
}

/// A duration in microseconds.
pub(crate) fn micros(duration: Duration) -> String {
    format!("{:.1} µs", duration.as_secs_f64() * 1_000_000.0)
}
