//! What `/proc` says about processes. Everything in it may be gone or another's a moment later.

use std::fs;

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    /// The name of its program, cut to 15 bytes by the kernel.
    pub(crate) name: String,
    /// When it was started, in clock ticks since boot.
    pub(crate) started: u64,
}

/// All processes that this one may see.
pub(crate) fn all() -> Vec<Process> {
    pids().filter_map(one).collect()
}

/// The ids of all processes that this one may see.
pub(crate) fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The process `pid`, unless it is gone.
pub(crate) fn one(pid: u32) -> Option<Process> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse_stat(&String::from_utf8_lossy(&stat))
}

/// The children of `parent`, the oldest first.
pub(crate) fn children_of(parent: u32) -> Vec<Process> {
    let mut children: Vec<Process> = all().into_iter().filter(|process| process.parent == parent).collect();
    children.sort_by_key(|process| process.started);
    children
}

/// Reads `pid (name) state parent …`. The name may hold spaces and parentheses; the last parenthesis ends it.
fn parse_stat(stat: &str) -> Option<Process> {
    let (pid, rest) = stat.split_once(" (")?;
    let (name, fields) = rest.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    Some(Process {
        pid: pid.parse().ok()?,
        parent: fields.get(1)?.parse().ok()?,
        name: name.to_owned(),
        started: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_does_not_shift_the_fields() {
        let fields = "S 7 1 1 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 4711 0 0";
        let process = parse_stat(&format!("42 (a) S 1 (b) {fields}")).unwrap();
        assert_eq!(process, Process { pid: 42, parent: 7, name: "a) S 1 (b".into(), started: 4711 });
        assert_eq!(parse_stat("42 (a"), None);
    }

    #[test]
    fn this_process_is_a_child_of_its_parent() {
        let me = one(std::process::id()).unwrap();
        assert!(children_of(me.parent).contains(&me));
    }
}
