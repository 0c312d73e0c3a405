//! The mounts of a process, as the kernel lists them in `/proc/<pid>/mountinfo`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// File systems that hold files and are backed by no block device of this machine. What is backed by one needs no name.
const STORAGE: [&str; 23] = [
    "9p", "afs", "aufs", "autofs", "bcachefs", "beegfs", "btrfs", "ceph", "cifs", "ecryptfs", "gpfs", "lustre", "nfs",
    "nfs4", "orangefs", "overlay", "prl_fs", "ramfs", "smb3", "tmpfs", "vboxsf", "virtiofs", "zfs",
];

/// All mounts of a process.
#[derive(Debug, Clone, Default)]
pub(crate) struct MountTable(Vec<Mounted>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mounted {
    id: u32,
    parent: u32,
    is_on_a_device: bool,
    /// What of its file system is mounted.
    part: PathBuf,
    options: String,
    /// Where it is mounted.
    pub(crate) point: PathBuf,
    /// The name of its file system, such as `ext4`.
    pub(crate) kind: String,
}

impl MountTable {
    /// Reads a table. `None` if a line of it is not understood: then nothing is known.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mounts: Vec<_> = text.lines().map(Mounted::parse).collect::<Option<_>>()?;
        (!mounts.is_empty()).then_some(Self(mounts))
    }

    /// The mounts that a path leads to; others lie beneath them and are not to be reached.
    pub(crate) fn visible(&self) -> impl Iterator<Item = &Mounted> {
        self.0.iter().filter(|mount| self.at(&mount.point).is_some_and(|top| top.id == mount.id))
    }

    /// The mount that a path without links leads to.
    fn at(&self, path: &Path) -> Option<&Mounted> {
        let root = Path::new("/");
        let is_outermost =
            |mount: &&Mounted| mount.point == root && self.0.iter().all(|other| other.id != mount.parent);
        let mut top = self.0.iter().find(is_outermost)?;
        let prefixes: Vec<_> = path.ancestors().collect();
        for prefix in prefixes.into_iter().rev() {
            let on = |top: &Mounted| self.0.iter().find(|mount| mount.parent == top.id && mount.point == prefix);
            while let Some(above) = on(top) {
                top = above;
            }
        }
        Some(top)
    }
}

impl Mounted {
    /// A line such as `36 35 98:0 /from /to rw,noatime master:1 - ext3 /dev/root rw,errors=continue`.
    fn parse(line: &str) -> Option<Self> {
        let (mount, file_system) = line.split_once(" - ")?;
        let mut words = mount.split(' ');
        let (id, parent) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let is_on_a_device = words.next()?.split_once(':')?.0 != "0";
        let (part, point, options) = (unescaped(words.next()?), unescaped(words.next()?), words.next()?.to_owned());
        let kind = file_system.split(' ').next()?.to_owned();
        Some(Self { id, parent, is_on_a_device, part, options, point, kind })
    }

    /// Whether it has an option, such as `ro`.
    pub(crate) fn has(&self, option: &str) -> bool {
        self.options.split(',').any(|has| has == option)
    }

    /// Whether processes are seen through it, with what they see themselves.
    pub(crate) fn shows_processes(&self) -> bool {
        let first = self.part.to_str().and_then(|part| part.strip_prefix('/')).unwrap_or_default().chars().next();
        self.kind == "proc" && first.is_none_or(|first| first.is_ascii_digit())
    }

    /// Whether it holds files, as opposed to being a window into the kernel.
    pub(crate) fn is_storage(&self) -> bool {
        let kind = self.kind.as_str();
        self.is_on_a_device || STORAGE.contains(&kind) || kind == "fuse" || kind.starts_with("fuse.")
    }
}

/// Blanks and the like are written as a backslash and three octal digits.
fn unescaped(text: &str) -> PathBuf {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|_| *first == b'\\').and_then(|digits| str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[3..] } else { after };
    }
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
        10 1 254:0 / / rw,relatime master:1 - ext4 /dev/vda rw\n\
        11 10 0:20 / /sys rw - sysfs sysfs rw\n\
        12 11 0:21 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n\
        13 11 0:20 / /sys ro,nodev - sysfs sysfs rw\n\
        14 10 0:30 / /a\\040b rw shared:3 master:2 - fuse.gvfsd-fuse gvfsd rw\n\
        15 10 0:31 / /hidden/deeper rw - debugfs none rw\n\
        16 10 0:32 / /hidden rw,nodev - tmpfs none rw\n";

    #[test]
    fn what_lies_beneath_another_mount_is_not_visible() {
        let table = MountTable::parse(TABLE).unwrap();
        let visible: Vec<_> = table.visible().map(|mount| (mount.id, mount.point.to_str().unwrap())).collect();
        assert_eq!(visible, [(10, "/"), (13, "/sys"), (14, "/a b"), (16, "/hidden")]);
    }

    #[test]
    fn what_holds_files_is_told_from_windows_into_the_kernel() {
        let table = MountTable::parse(TABLE).unwrap();
        let storage: Vec<_> = table.0.iter().map(Mounted::is_storage).collect();
        assert_eq!(storage, [true, false, false, false, true, false, true]);
        let proc = |part: &str| format!("10 1 0:9 {part} /p ro - proc proc rw");
        for (part, shows) in [("/", true), ("/17/root", true), ("/sys", false)] {
            assert_eq!(MountTable::parse(&proc(part)).unwrap().0[0].shows_processes(), shows, "{part}");
        }
        assert!(!table.0[0].shows_processes());
        assert!(table.0[3].has("ro") && table.0[3].has("nodev") && !table.0[1].has("ro") && !table.0[0].has("r"));
    }

    #[test]
    fn a_table_that_is_not_understood_tells_nothing() {
        for text in ["", "nonsense", "10 1 254:0 / / rw", &format!("{TABLE}\n17")] {
            assert!(MountTable::parse(text).is_none(), "{text}");
        }
        assert!(MountTable::parse(&std::fs::read_to_string("/proc/self/mountinfo").unwrap()).is_some());
    }
}
