//! What is being prepared.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{AbortHandle, AbortRegistration};

use crate::Digest;

/// What is being done to make a component ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// It waits for its turn.
    Queued,
    /// It is being compiled.
    Compiling,
}

/// All that is being prepared.
#[derive(Default)]
pub(super) struct Jobs(Arc<Mutex<Running>>);

#[derive(Default)]
struct Running {
    next: u64,
    jobs: BTreeMap<u64, State>,
}

struct State {
    component: Digest,
    progress: Progress,
    abort: AbortHandle,
}

/// One that is being prepared, until it is dropped.
pub(super) struct Job {
    number: u64,
    jobs: Arc<Mutex<Running>>,
}

impl Jobs {
    /// Begins one, which waits for its turn.
    pub(super) fn begin(&self, component: Digest) -> (Job, AbortRegistration) {
        let (abort, registration) = AbortHandle::new_pair();
        let mut running = lock(&self.0);
        let number = running.next;
        running.next += 1;
        running.jobs.insert(number, State { component, progress: Progress::Queued, abort });
        (Job { number, jobs: Arc::clone(&self.0) }, registration)
    }

    pub(super) fn stop(&self, component: &Digest) {
        lock(&self.0).jobs.values().filter(|job| job.component == *component).for_each(|job| job.abort.abort());
    }

    /// How far the component is, by whoever is farthest.
    pub(super) fn progress(&self, component: &Digest) -> Option<Progress> {
        lock(&self.0).jobs.values().filter(|job| job.component == *component).map(|job| job.progress).max()
    }
}

impl Job {
    /// Its turn has come.
    pub(super) fn compiles(&self) {
        if let Some(job) = lock(&self.jobs).jobs.get_mut(&self.number) {
            job.progress = Progress::Compiling;
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        lock(&self.jobs).jobs.remove(&self.number);
    }
}

fn lock(running: &Mutex<Running>) -> MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}
