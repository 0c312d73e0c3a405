//! Processes as Linux shows them: who descends from whom, and who is still there.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use crate::until;

/// A process, told apart from a later one with the same number by when it started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its name, at most 15 bytes of it.
    pub name: String,
    parent: u32,
    started: u64,
    is_zombie: bool,
}

impl Process {
    /// The process of that number, if there is one.
    pub fn find(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name stands in brackets and may hold anything, brackets too; what comes after the last one is regular.
        let (head, rest) = stat.rsplit_once(')')?;
        let fields = rest.split_whitespace().collect::<Vec<_>>();
        Some(Self {
            pid,
            name: head.split_once('(')?.1.to_owned(),
            parent: fields.get(1)?.parse().ok()?,
            started: fields.get(19)?.parse().ok()?,
            is_zombie: *fields.first()? == "Z",
        })
    }

    /// All that descend from the process `pid` and are alive.
    pub fn descendants(pid: u32) -> Vec<Self> {
        let all = every_process();
        let mut found: Vec<Self> = Vec::new();
        let mut parents = vec![pid];
        while let Some(parent) = parents.pop() {
            let children = all.iter().filter(|process| process.parent == parent && !process.is_zombie);
            for child in children {
                parents.push(child.pid);
                found.push(child.clone());
            }
        }
        found
    }

    /// Those whose command line holds `text`: how a test finds what left its family.
    pub fn with_argument(text: &str) -> Vec<Self> {
        let holds = |process: &Self| {
            let line = fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
            String::from_utf8_lossy(&line).split('\0').any(|argument| argument == text)
        };
        every_process().into_iter().filter(|process| !process.is_zombie && holds(process)).collect()
    }

    /// Whether it still runs. One that is over and not yet collected does not.
    pub fn is_alive(&self) -> bool {
        Self::find(self.pid).is_some_and(|now| now.started == self.started && !now.is_zombie)
    }

    /// Ends it at once.
    pub fn kill(&self) {
        if self.is_alive()
            && let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw)
        {
            // It may be gone by now, which is what is wanted.
            let _ = kill_process(pid, Signal::KILL);
        }
    }

    /// Waits until none of them is alive.
    ///
    /// # Panics
    /// When one survives the patience.
    pub async fn all_gone(processes: &[Self]) {
        let look = async || processes.iter().all(|process| !process.is_alive()).then_some(());
        until(&format!("the end of {processes:?}"), look).await;
    }
}

/// What a process holds in memory, in KiB; `None` when it is gone.
pub fn resident_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn every_process() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(Process::find).collect()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, id};

    use super::*;

    #[test]
    fn a_child_is_found_and_its_end_is_seen() {
        let mut child = Command::new("sleep").arg("61.25").spawn().unwrap();
        let found = Process::find(child.id()).unwrap();
        assert!(Process::descendants(id()).contains(&found) && found.is_alive());
        assert!(Process::with_argument("61.25").contains(&found));
        found.kill();
        child.wait().unwrap();
        assert!(!found.is_alive());
    }
}
