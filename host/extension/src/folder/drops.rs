//! Looking at the same roots again and again: what has not changed since is not read again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{DropFault, Dropped, Places, fault_shared_ids, look};
use crate::{MANIFEST_FILE, Vocabulary};

/// How long ago a file has changed before it is taken to be another only if its times are: within one tick of the file
/// system's clock, which is two seconds at worst, two changes look like one.
const SETTLED: Duration = Duration::from_secs(3);

/// What lies below some roots, with the verdict on each drop for as long as neither of its files changes.
///
/// A verdict is for showing. Whoever approves reads the drop [anew](super::read).
pub struct Drops {
    roots: Vec<PathBuf>,
    vocabulary: Arc<Vocabulary>,
    known: BTreeMap<PathBuf, Known>,
}

/// What was read, and of which files.
struct Known {
    component: Option<String>,
    stamps: Stamps,
    dropped: Dropped,
}

/// The manifest's and the component's; `None` for one that is not there, or that nobody knows the name of.
type Stamps = [Option<Stamp>; 2];

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    place: (u64, u64),
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Drops {
    /// Nothing is looked at yet.
    pub fn new(roots: Vec<PathBuf>, vocabulary: Arc<Vocabulary>) -> Self {
        Self { roots, vocabulary, known: BTreeMap::new() }
    }

    /// Every drop below the roots, as [`scan`](super::scan) gives it. Blocks: the first time, everything is read.
    pub fn scan(&mut self) -> Vec<Dropped> {
        self.scan_at(SystemTime::now())
    }

    fn scan_at(&mut self, now: SystemTime) -> Vec<Dropped> {
        let Places { folders, warnings } = Places::below(&self.roots);
        let mut drops: Vec<_> = folders.into_iter().map(|folder| self.judged(folder, now)).collect();
        let there: BTreeSet<&PathBuf> = drops.iter().map(|dropped| &dropped.folder).collect();
        self.known.retain(|folder, _| there.contains(folder));
        drops.extend(warnings);
        fault_shared_ids(&mut drops);
        drops
    }

    fn judged(&mut self, folder: PathBuf, now: SystemTime) -> Dropped {
        if let Some(known) = self.known.get(&folder)
            && known.stamps == stamps(&folder, known.component.as_deref())
        {
            return known.dropped.clone();
        }
        self.known.remove(&folder);
        let (dropped, component) = look(folder.clone(), &self.vocabulary);
        // What has changed since it was read is not settled.
        let stamps = stamps(&folder, component.as_deref());
        // What could not be read this time may be the next time.
        let lasts = !matches!(dropped.found, Err(DropFault::Unreadable { .. }));
        if lasts && stamps.iter().flatten().all(|stamp| stamp.is_settled(now)) {
            self.known.insert(folder, Known { component, stamps, dropped: dropped.clone() });
        }
        dropped
    }
}

fn stamps(folder: &Path, component: Option<&str>) -> Stamps {
    [stamp(&folder.join(MANIFEST_FILE)), component.and_then(|name| stamp(&folder.join(name)))]
}

fn stamp(file: &Path) -> Option<Stamp> {
    fs::metadata(file).ok().as_ref().map(Stamp::of)
}

impl Stamp {
    fn of(file: &Metadata) -> Self {
        Self {
            place: (file.dev(), file.ino()),
            bytes: file.len(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }

    /// Whether any further change would show.
    fn is_settled(&self, now: SystemTime) -> bool {
        let Ok(now) = now.duration_since(SystemTime::UNIX_EPOCH) else { return false };
        i128::from(self.changed.0) + i128::from(SETTLED.as_secs()) < i128::from(now.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{MANIFEST, component, house};

    fn lay(folder: &Path, manifest: &str) {
        fs::create_dir_all(folder).expect("a folder");
        fs::write(folder.join(MANIFEST_FILE), manifest).expect("a file");
        let good = component(&["house:kv/store@1.1.0"], &["house:on-event/handler@1.0.0"]);
        fs::write(folder.join("guard.wasm"), good).expect("a file");
    }

    #[test]
    fn what_has_not_changed_for_a_while_is_not_read_again_and_what_has_is() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("guard");
        lay(&folder, MANIFEST);
        let mut drops = Drops::new(vec![root.path().to_owned()], Arc::new(house()));
        assert!(drops.scan()[0].found.is_ok());
        assert!(drops.known.is_empty(), "it might change again within the same tick");

        let later = SystemTime::now() + Duration::from_secs(60);
        assert!(drops.scan_at(later)[0].found.is_ok());
        // Only whoever reads again finds out that this was never true.
        drops.known.get_mut(&folder).expect("it is kept").dropped.found = Err(DropFault::NoManifest);
        assert!(drops.scan_at(later)[0].found.is_err());
        for change in ["touch", "remove the component", "put it back"] {
            drops.known.get_mut(&folder).expect("it is kept").dropped.found = Err(DropFault::NotText);
            match change {
                "remove the component" => fs::remove_file(folder.join("guard.wasm")).expect("it was there"),
                _ => lay(&folder, MANIFEST),
            }
            let found = drops.scan_at(later).remove(0).found;
            assert_ne!(found, Err(DropFault::NotText), "{change}");
            assert_eq!(found.is_ok(), change != "remove the component", "{change}");
        }
        fs::remove_dir_all(&folder).expect("it was there");
        assert!(drops.scan_at(later).is_empty() && drops.known.is_empty());
    }

    #[test]
    fn an_id_that_is_shared_is_a_matter_of_all_folders_and_not_kept_with_one() {
        let root = tempfile::tempdir().expect("a folder");
        let mut drops = Drops::new(vec![root.path().to_owned()], Arc::new(house()));
        let later = SystemTime::now() + Duration::from_secs(60);
        lay(&root.path().join("a"), MANIFEST);
        lay(&root.path().join("b"), MANIFEST);
        assert!(drops.scan_at(later).iter().all(|dropped| dropped.found.is_err()));
        fs::remove_dir_all(root.path().join("b")).expect("it was there");
        assert!(drops.scan_at(later)[0].found.is_ok());
    }
}
