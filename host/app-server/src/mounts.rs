//! What the child sees of the file system: folders that are empty for it, files that it may only read, all that those
//! lie in, held in place, and what it is given of the kernel.
//!
//! A mask hides what lies at a path, so the path must not come to name something else: a folder above it that was
//! renamed would take the secrets along, and the next child's mask would cover a stand-in. A mountpoint cannot be
//! renamed by whoever sees the mount, therefore each folder above is bound onto itself. The price: a file cannot be
//! *renamed* from one such folder into another; `mv` and the like copy it instead.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What is done to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mount {
    /// It is empty.
    Mask,
    /// It is as it is outside, also within a masked folder, and cannot be renamed.
    Held,
    /// It can be read and not written, also within a masked folder.
    Readable,
    /// It holds the devices that everybody needs, and terminals of the child's own.
    Devices,
    /// It shows the child's own processes.
    Processes,
}

/// The mounts of one child.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mounts(Vec<(PathBuf, Mount)>);

impl Mounts {
    /// Adds a mount. The path is absolute and without links.
    pub(crate) fn add(&mut self, path: PathBuf, mount: Mount) {
        self.0.push((path, mount));
    }

    /// What bubblewrap is told.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let root = ["--bind", "/", "/"].map(OsString::from);
        root.into_iter().chain(self.in_order().into_iter().flat_map(|(path, mount)| mount.arguments(path))).collect()
    }

    /// All of them, outer ones first, so that what lies inside another is mounted after it and not hidden by it.
    fn in_order(&self) -> Vec<(PathBuf, Mount)> {
        let mut all = self.0.clone();
        for above in self.0.iter().flat_map(|(path, _)| path.ancestors().skip(1)) {
            let is_known = all.iter().any(|(path, _)| path == above);
            if !is_known && above.parent().is_some() && self.shows(above) {
                all.push((above.to_owned(), Mount::Held));
            }
        }
        all.retain(|(path, _)| path.parent().is_some());
        all.sort_by_key(|(path, _)| depth(path));
        all
    }

    /// Whether the child sees the folder itself there, and may write to it. Binding one that it does not see would show
    /// it, binding one that it may only read would make it writable; neither of them can be renamed anyway.
    fn shows(&self, path: &Path) -> bool {
        let around = self.0.iter().filter(|(outer, _)| path.starts_with(outer));
        around.max_by_key(|(outer, _)| depth(outer)).is_none_or(|(_, mount)| *mount == Mount::Held)
    }
}

impl Mount {
    fn arguments(self, path: PathBuf) -> Vec<OsString> {
        let path = path.into_os_string();
        match self {
            Self::Mask => vec!["--tmpfs".into(), path],
            // A device that lies about is no device there.
            Self::Held => vec!["--bind".into(), path.clone(), path],
            Self::Readable => vec!["--ro-bind-try".into(), path.clone(), path],
            Self::Devices => vec!["--dev".into(), path],
            Self::Processes => vec!["--proc".into(), path],
        }
    }
}

fn depth(path: &Path) -> usize {
    path.components().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(mounts: &[(&str, Mount)]) -> String {
        let mounts = Mounts(mounts.iter().map(|(path, mount)| (PathBuf::from(path), *mount)).collect());
        let words: Vec<String> =
            mounts.arguments().iter().map(|word| word.to_string_lossy().replace("--bind", "hold")).collect();
        words.join(" ")
    }

    #[test]
    fn everything_above_a_mask_is_held_and_outer_folders_come_first() {
        assert_eq!(
            arguments(&[("/u/me/state/data", Mount::Mask), ("/u/me/tools", Mount::Readable)]),
            "hold / / hold /u /u hold /u/me /u/me --ro-bind-try /u/me/tools /u/me/tools \
             hold /u/me/state /u/me/state --tmpfs /u/me/state/data"
        );
    }

    #[test]
    fn nothing_beneath_a_mask_is_shown_but_what_is_asked_for() {
        assert_eq!(
            arguments(&[("/d/x/home/y/secret", Mount::Mask), ("/d", Mount::Mask), ("/d/x/home", Mount::Held)]),
            "hold / / --tmpfs /d hold /d/x/home /d/x/home hold /d/x/home/y /d/x/home/y --tmpfs /d/x/home/y/secret"
        );
    }

    #[test]
    fn what_can_only_be_read_is_not_made_writable_by_what_lies_in_it() {
        assert_eq!(
            arguments(&[("/t", Mount::Readable), ("/t/codex/bin/codex", Mount::Readable), ("/", Mount::Held)]),
            "hold / / --ro-bind-try /t /t --ro-bind-try /t/codex/bin/codex /t/codex/bin/codex"
        );
    }
}
