//! What the child gets of the kernel: named capabilities, named devices, and the kernel's own files to read.
//!
//! All of it is given by name, or by a rule that a newer kernel cannot outgrow; nothing is taken away by name, since
//! what nobody thought of would stay. A plain user's child has no capabilities and owns none of the kernel's files, so
//! for it only the devices and `/sys` differ, and Codex's own sandbox may mount a `/proc` of its own. Root's child owns
//! the kernel's files, without any capability; what it may not write must be mounted so. Within a user namespace that
//! it makes, such mounts can neither be lifted nor written, nor is a fresh `/proc` to be had there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::mount_table::MountTable;
use crate::mounts::{Mount, Mounts};

/// The capabilities of root's child, with the bit of each: to read and write the files of other users, to hand files
/// over to them and to act as them, to end their processes, and to map itself into the user namespace of Codex's own
/// sandbox, which the last one is for. There is none among them over the machine, its network or its kernel.
const CAPABILITIES: [(&str, u32); 8] = [
    ("CAP_CHOWN", 0),
    ("CAP_DAC_OVERRIDE", 1),
    ("CAP_FOWNER", 3),
    ("CAP_FSETID", 4),
    ("CAP_KILL", 5),
    ("CAP_SETGID", 6),
    ("CAP_SETUID", 7),
    ("CAP_SETFCAP", 31),
];
/// The devices that bubblewrap puts into a `/dev` of its own, beside terminals that only the child has.
pub(crate) const DEVICES: [&str; 6] = ["full", "null", "random", "tty", "urandom", "zero"];

/// For whom something is done, as far as the kernel sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    /// Who owns the kernel's files.
    Root,
    /// Anybody else.
    Plain,
}

impl User {
    /// Who this program runs as.
    pub(crate) fn current() -> Self {
        if rustix::process::geteuid().is_root() { Self::Root } else { Self::Plain }
    }

    /// The capabilities that its child may have, as the kernel writes them.
    pub(crate) fn capabilities(self) -> u64 {
        match self {
            Self::Root => CAPABILITIES.iter().fold(0, |all, (_, bit)| all | 1 << bit),
            Self::Plain => 0,
        }
    }

    /// What bubblewrap is told of capabilities. A plain user's child has none without a word, and an old bubblewrap takes
    /// none from a plain user.
    pub(crate) fn arguments(self) -> io::Result<Vec<&'static str>> {
        if self == Self::Plain {
            return Ok(Vec::new());
        }
        // What this program does not have itself, in a container say, it cannot pass on.
        let ours = permitted(&fs::read_to_string("/proc/self/status")?);
        let ours = ours.ok_or_else(|| io::Error::other("/proc/self/status names no capabilities"))?;
        let given = CAPABILITIES.iter().filter(|(_, bit)| ours & (1 << bit) != 0);
        Ok(["--cap-drop", "ALL"].into_iter().chain(given.flat_map(|(name, _)| ["--cap-add", name])).collect())
    }

    /// Adds the mounts of the kernel's own file systems.
    pub(crate) fn mount(self, mounts: &mut Mounts) -> io::Result<()> {
        mounts.add("/dev".into(), Mount::Devices);
        // It holds files, and there may be a project among them.
        if Path::new("/dev/shm").is_dir() {
            mounts.add("/dev/shm".into(), Mount::Held);
        }
        mounts.add("/proc".into(), Mount::Processes);
        mounts.add("/sys".into(), Mount::Readable);
        if self == Self::Root {
            let (settings, others) = (settings(Path::new("/proc"))?, elsewhere()?);
            settings.into_iter().for_each(|path| mounts.add(path, Mount::Readable));
            others.into_iter().for_each(|(path, mount)| mounts.add(path, mount));
        }
        Ok(())
    }
}

/// The word of a process's status for the capabilities that it may use.
fn permitted(status: &str) -> Option<u64> {
    let word = status.lines().find_map(|line| line.strip_prefix("CapPrm:"))?;
    u64::from_str_radix(word.trim(), 16).ok()
}

/// What in `proc` is not about a process. Modes tell nothing there: root may open for writing what has no such bit.
fn settings(proc: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(proc)? {
        let entry = entry?;
        let is_process = entry.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit);
        // `self` and the like are links into processes.
        if !is_process && !entry.file_type()?.is_symlink() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// What is to be done with file systems of the kernel that are mounted at other places than the usual ones. Another
/// `/proc` shows the processes outside.
fn elsewhere() -> io::Result<Vec<(PathBuf, Mount)>> {
    let table = MountTable::parse(&fs::read_to_string("/proc/self/mountinfo")?)
        .ok_or_else(|| io::Error::other("the table of mounts is not understood"))?;
    let is_usual = |path: &Path| ["/dev", "/proc", "/sys"].iter().any(|usual| path.starts_with(usual));
    let others: Vec<_> = table.visible().filter(|mount| !mount.is_storage() && !is_usual(&mount.point)).collect();
    let masked: Vec<_> = others.iter().filter(|mount| mount.shows_processes()).map(|mount| &mount.point).collect();
    let is_hidden = |path: &Path| masked.iter().any(|mask| path != mask.as_path() && path.starts_with(mask));
    let treated = |shows_processes: bool| if shows_processes { Mount::Mask } else { Mount::Readable };
    let shown = others.iter().filter(|mount| !is_hidden(&mount.point));
    Ok(shown.map(|mount| (mount.point.clone(), treated(mount.shows_processes()))).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn root_gives_its_child_nothing_over_the_machine() {
        let given = User::Root.capabilities();
        // By the numbers of the kernel's header: NET_BIND_SERVICE to NET_RAW, SYS_MODULE to SYS_TTY_CONFIG and MKNOD,
        // MAC_OVERRIDE and all that came later; and DAC_READ_SEARCH, by which files are opened without a name.
        let mut over_the_machine = [2].into_iter().chain(8..=30).chain(32..=63);
        assert_eq!(over_the_machine.find(|bit| given & (1_u64 << bit) != 0), None);
        assert_eq!(User::Plain.capabilities(), 0);
    }

    #[test]
    fn what_is_no_process_is_found_whatever_its_name() {
        let proc = tempfile::tempdir().unwrap();
        let at = |name: &str| proc.path().join(name);
        for folder in ["17", "sys", "new-in-the-next-kernel"] {
            fs::create_dir(at(folder)).unwrap();
        }
        symlink("17", at("self")).unwrap();
        fs::write(at("sysrq-trigger"), "").unwrap();
        assert_eq!(settings(proc.path()).unwrap(), ["new-in-the-next-kernel", "sys", "sysrq-trigger"].map(at));
    }
}
