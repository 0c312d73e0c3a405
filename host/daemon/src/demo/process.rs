//! Processes as Linux shows them: which are there, and ending them.

use std::fs::{self, File};
use std::path::Path;

use rustix::io::ioctl_fionread;
use rustix::process::{Pid, Signal, kill_process};

use super::fault::Fault;

/// A process, told apart from a later one with the same number by when it started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    /// Its number.
    pub(super) pid: u32,
    parent: u32,
    started: u64,
    is_over: bool,
}

impl Process {
    /// The process of that number, if there is one that runs.
    pub(super) fn find(pid: u32) -> Option<Self> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        parse(pid, &String::from_utf8_lossy(&stat)).filter(|process| !process.is_over)
    }

    /// All that descend from the process `pid`.
    pub(super) fn descendants(pid: u32) -> Vec<Self> {
        let all = all();
        let mut family: Vec<Self> = Vec::new();
        let mut parents = vec![pid];
        while let Some(parent) = parents.pop() {
            let children = all.iter().filter(|process| process.parent == parent);
            for child in children {
                parents.push(child.pid);
                family.push(child.clone());
            }
        }
        family
    }

    /// The `sleep` of so many seconds, wherever in the machine it is.
    pub(super) fn sleeper(seconds: &str) -> Option<Self> {
        all().into_iter().find(|process| {
            let line = fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            let words: Vec<&str> = line.trim_end_matches('\0').split('\0').collect();
            matches!(words[..], [program, argument] if program.ends_with("sleep") && argument == seconds)
        })
    }

    /// Whether it still runs. One that is over and not yet collected does not.
    pub(super) fn is_alive(&self) -> bool {
        Self::find(self.pid).is_some_and(|now| now.started == self.started)
    }

    /// Sends it a signal. It may be gone by now, which is not told.
    pub(super) fn signal(&self, signal: Signal) {
        if self.is_alive()
            && let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw)
        {
            let _ = kill_process(pid, signal);
        }
    }

    /// How many bytes wait in the pipe that it reads its input from.
    pub(super) fn input_waiting(&self) -> Result<u64, Fault> {
        let path = format!("/proc/{}/fd/0", self.pid);
        let waiting = File::open(Path::new(&path)).and_then(|pipe| Ok(ioctl_fionread(pipe)?));
        waiting.map_err(|error| Fault::because(format!("cannot look into {path}"), error.into()))
    }
}

fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(Process::find).collect()
}

/// Reads `pid (name) state parent …`. The name may hold anything, brackets too; what comes after the last one is regular.
fn parse(pid: u32, stat: &str) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    Some(Process {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
        is_over: matches!(*fields.first()?, "Z" | "X"),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio, id};

    use super::*;

    #[test]
    fn a_name_with_brackets_shifts_nothing() {
        let fields = "S 7 1 1 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 4711 0 0";
        let process = parse(42, &format!("42 (a) Z 1 (b) {fields}")).unwrap();
        assert_eq!((process.parent, process.started, process.is_over), (7, 4711, false));
    }

    #[test]
    fn a_child_is_found_and_its_end_is_seen() {
        let mut child = Command::new("sleep").arg("61.125").stdin(Stdio::piped()).spawn().unwrap();
        let found = Process::find(child.id()).unwrap();
        assert!(Process::descendants(id()).contains(&found) && found.is_alive());
        child.stdin.as_mut().unwrap().write_all(b"seven b").unwrap();
        assert_eq!(found.input_waiting().unwrap(), 7);
        found.signal(Signal::KILL);
        child.wait().unwrap();
        assert!(!found.is_alive());
    }
}
