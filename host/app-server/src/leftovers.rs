//! What a child left running.
//!
//! Contained, nothing can be left: its namespace ends with it. Uncontained, a command of a turn may have detached itself
//! from everything but its environment, and that carries our marker.

use std::fs;

use crate::processes;

/// The variable in the environment of every child and its descendants that names the host which started it.
pub const MARKER_VARIABLE: &str = "CODEX_SUPERVISOR";

/// A process that carries the marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Its process id.
    pub pid: u32,
    /// Its command line, as far as it shows one.
    pub command: String,
}

/// Every running process that was started under `marker`, the app-server of a running supervisor included: ask when
/// none runs. A process that cleared its environment, or belongs to another user, is not found.
pub fn leftovers(marker: &str) -> Vec<Leftover> {
    let wanted = format!("{MARKER_VARIABLE}={marker}");
    let carries = |pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes())
    };
    processes::pids().filter(carries).map(|pid| Leftover { pid, command: command_of(pid) }).collect()
}

fn command_of(pid: u32) -> String {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<_> = words.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    words
        .join(" ")
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(200)
        .collect::<String>()
        .trim()
        .to_owned()
}
