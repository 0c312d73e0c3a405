//! What a process has used, as the system counts it.

use std::fs;
use std::time::Duration;

/// How many of the system's ticks a second has, for what it tells of processes.
const TICKS_PER_SECOND: f64 = 100.0;
/// Where in `/proc/<pid>/stat`, behind the name, the time stands that was spent: in the program, then in the system.
const SPENT_FIELDS: [usize; 2] = [11, 12];

/// How long the threads of a process have run so far; `None` when it is gone.
pub(crate) fn spent(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = SPENT_FIELDS.iter().map(|field| fields.get(*field)?.parse::<f64>().ok()).sum::<Option<f64>>()?;
    Some(Duration::from_secs_f64(ticks / TICKS_PER_SECOND))
}
