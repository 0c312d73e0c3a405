//! The lock on a disk that stops at any step, and then shows what is left: as a crash of the process leaves it, and as
//! a loss of power may leave it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use super::*;
use crate::fixture::offer;

/// How a stop is survived by what was not synced.
#[derive(Debug, Clone, Copy)]
enum Stop {
    /// The process ends: the system keeps everything.
    Process,
    /// The power goes: bytes and names that were not synced are lost.
    PowerAll,
    /// The power goes: names had reached the disk by themselves, and bytes had not.
    PowerBytes,
}

#[derive(Debug, Clone)]
enum Node {
    File { now: Vec<u8>, synced: Vec<u8> },
    Folder { now: BTreeMap<String, usize>, synced: BTreeMap<String, usize> },
}

#[derive(Debug, Clone)]
struct Platter {
    nodes: Vec<Node>,
    /// How many more steps there are before it stops.
    steps: Option<usize>,
}

/// A disk in memory.
struct MemoryDisk(Mutex<Platter>);

impl MemoryDisk {
    fn new() -> Self {
        let folder = |names: BTreeMap<String, usize>| Node::Folder { now: names.clone(), synced: names };
        let nodes = vec![folder(BTreeMap::from([("state".to_owned(), 1)])), folder(BTreeMap::new())];
        Self(Mutex::new(Platter { nodes, steps: None }))
    }

    fn with_steps(&self, steps: Option<usize>) -> Self {
        let platter = self.0.lock().expect("no test panicked in it").clone();
        Self(Mutex::new(Platter { steps, ..platter }))
    }

    /// What another process finds after this one stopped.
    fn stopped(&self, stop: Stop) -> Arc<Self> {
        let mut platter = self.0.lock().expect("no test panicked in it").clone();
        for node in &mut platter.nodes {
            match (node, stop) {
                (Node::File { now, synced }, Stop::PowerAll | Stop::PowerBytes) => now.clone_from(synced),
                (Node::Folder { now, synced }, Stop::PowerAll) => now.clone_from(synced),
                _ => {}
            }
        }
        platter.steps = None;
        Arc::new(Self(Mutex::new(platter)))
    }

    fn step<T>(&self, act: impl FnOnce(&mut Platter) -> io::Result<T>) -> io::Result<T> {
        let mut platter = self.0.lock().expect("no test panicked in it");
        match &mut platter.steps {
            Some(0) => return Err(io::Error::other("stopped")),
            Some(steps) => *steps -= 1,
            None => {}
        }
        act(&mut platter)
    }
}

impl Platter {
    fn find(&self, path: &Path) -> io::Result<usize> {
        let mut at = 0;
        for name in path {
            let Node::Folder { now, .. } = &self.nodes[at] else { return Err(missing()) };
            at = *now.get(name.to_str().expect("a test's name")).ok_or_else(missing)?;
        }
        Ok(at)
    }

    fn names(&mut self, folder: &Path) -> io::Result<&mut BTreeMap<String, usize>> {
        let at = self.find(folder)?;
        match &mut self.nodes[at] {
            Node::Folder { now, .. } => Ok(now),
            Node::File { .. } => Err(missing()),
        }
    }

    fn put(&mut self, path: &Path, node: Node) -> io::Result<()> {
        let at = self.nodes.len();
        self.nodes.push(node);
        self.names(path.parent().expect("not the root"))?.insert(name(path), at);
        Ok(())
    }
}

fn name(path: &Path) -> String {
    path.file_name().and_then(|name| name.to_str()).expect("a test's name").to_owned()
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Disk for MemoryDisk {
    fn read(&self, path: &Path, _bytes_max: usize) -> io::Result<Vec<u8>> {
        let platter = self.0.lock().expect("no test panicked in it");
        match &platter.nodes[platter.find(path)?] {
            Node::File { now, .. } => Ok(now.clone()),
            Node::Folder { .. } => Err(missing()),
        }
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        Ok(self.0.lock().expect("no test panicked in it").names(folder)?.keys().cloned().collect())
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.step(|platter| match platter.find(path) {
            Ok(_) => Ok(()),
            Err(_) => platter.put(path, Node::Folder { now: BTreeMap::new(), synced: BTreeMap::new() }),
        })
    }

    /// Takes two steps, so that it can stop with half of the bytes written.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let half = bytes[..bytes.len() / 2].to_vec();
        self.step(|platter| match platter.find(path) {
            Err(_) => platter.put(path, Node::File { now: half, synced: Vec::new() }),
            Ok(at) => {
                if let Node::File { now, .. } = &mut platter.nodes[at] {
                    *now = half;
                }
                Ok(())
            }
        })?;
        self.step(|platter| {
            let at = platter.find(path)?;
            if let Node::File { now, .. } = &mut platter.nodes[at] {
                *now = bytes.to_vec();
            }
            Ok(())
        })
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        self.step(|platter| {
            let at = platter.find(path)?;
            match &mut platter.nodes[at] {
                Node::File { now, synced } => synced.clone_from(now),
                Node::Folder { now, synced } => synced.clone_from(now),
            }
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|platter| {
            let at = platter.find(from)?;
            platter.names(from.parent().expect("not the root"))?.remove(&name(from));
            platter.names(to.parent().expect("not the root"))?.insert(name(to), at);
            Ok(())
        })
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.step(|platter| {
            platter.names(path.parent().expect("not the root"))?.remove(&name(path));
            Ok(())
        })
    }
}

fn open(disk: Arc<MemoryDisk>) -> Result<Lock, LockError> {
    Lock::open_on(disk, PathBuf::from("state/extensions"))
}

fn approve(lock: &mut Lock, offer: &Offer) -> Result<(), LockError> {
    lock.approve(offer, offer.candidate.digest, Actor::User, super::tests::AT, false).map(|_| ())
}

/// What is being done when it stops, from the first look at the folder on.
type Deed = fn(&mut Lock) -> Result<(), LockError>;

/// Runs `deed` on a copy of `before`, stopping after each number of steps in turn, in each way of stopping. Returns how
/// many steps it takes when nothing stops it.
fn stop_at_each_step(before: &MemoryDisk, deed: Deed) -> usize {
    let steps_max = 100;
    let old = open(before.stopped(Stop::PowerAll)).expect("it was whole").record;
    let new = {
        let mut lock = open(Arc::new(before.with_steps(None))).expect("it was whole");
        deed(&mut lock).expect("nothing stops it");
        lock.record
    };
    for steps in 0..steps_max {
        let disk = Arc::new(before.with_steps(Some(steps)));
        let lock = open(disk.clone());
        let done = lock.and_then(|mut lock| deed(&mut lock)).is_ok();
        for stop in [Stop::Process, Stop::PowerAll, Stop::PowerBytes] {
            let mut lock = open(disk.stopped(stop)).unwrap_or_else(|error| panic!("{steps} {stop:?}: {error}"));
            let allowed = if done { vec![&new] } else { vec![&old, &new] };
            assert!(allowed.contains(&&lock.record), "{steps} {stop:?}: neither what was nor what should be");
            for approved in lock.all() {
                assert!(lock.copy(approved.digest).is_ok(), "{steps} {stop:?}: {} is not whole", approved.version);
            }
            deed(&mut lock).unwrap_or_else(|error| panic!("{steps} {stop:?}: not a second time: {error}"));
            lock.sweep(&BTreeSet::new()).expect("nothing stops it");
            assert_eq!(lock.record, new, "{steps} {stop:?}");
        }
        if done {
            return steps;
        }
    }
    panic!("it is not done after {steps_max} steps");
}

#[test]
fn an_approval_that_stops_at_any_step_is_made_or_not_made() {
    let steps = stop_at_each_step(&MemoryDisk::new(), |lock| approve(lock, &offer("0.1.0")));
    assert!(steps > 10, "it has more steps than {steps}");
}

#[test]
fn an_update_that_stops_at_any_step_leaves_the_old_version_or_the_new_one() {
    let disk = Arc::new(MemoryDisk::new());
    approve(&mut open(disk.clone()).expect("empty"), &offer("0.1.0")).expect("nothing stops it");
    stop_at_each_step(&disk, |lock| approve(lock, &offer("0.2.0")));
}

#[test]
fn a_standing_that_stops_at_any_step_is_the_old_one_or_the_new_one() {
    let disk = Arc::new(MemoryDisk::new());
    approve(&mut open(disk.clone()).expect("empty"), &offer("0.1.0")).expect("nothing stops it");
    stop_at_each_step(&disk, |lock| {
        let reason = "it trapped".to_owned();
        lock.stand(&offer("0.1.0").candidate.manifest.id, Standing::Quarantined { reason, at: super::tests::AT })
    });
}

#[test]
fn a_lock_whose_writing_failed_says_what_the_disk_says() {
    for steps in 0..40 {
        let disk = Arc::new(MemoryDisk::new());
        drop(open(disk.clone()).expect("empty"));
        let disk = Arc::new(disk.with_steps(Some(steps)));
        let Ok(mut lock) = open(disk.clone()) else { continue };
        let _ = approve(&mut lock, &offer("0.1.0"));
        let found = open(disk.stopped(Stop::Process)).expect("it is whole");
        assert_eq!(lock.record, found.record, "{steps}");
    }
}
