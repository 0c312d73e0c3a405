//! How far each approved version has come, for those who look at the list. What makes versions ready notes it here.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use codex_manager_extension::{Approved, Digest, Listed, RunningVersion, Standing, State};

/// How far an approved and enabled version has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It waits for its turn to be made ready.
    Waiting,
    /// Its compiler is at work.
    Compiling,
    /// It can be called, and is not called yet.
    Ready,
    /// It is called.
    Running,
    /// It cannot be called.
    Unfit(Unfit),
}

/// Why an approved version cannot be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfit {
    /// What is wrong, in a sentence.
    pub(crate) fault: String,
    /// What to do about it.
    pub(crate) next_step: &'static str,
}

/// All versions that may run, by their digests.
#[derive(Default)]
pub(super) struct Board(Mutex<BTreeMap<Digest, Progress>>);

impl Board {
    /// Notes how far a version is, or that it may not run any more; gives what was noted before.
    pub(super) fn note(&self, digest: Digest, progress: Option<Progress>) -> Option<Progress> {
        let mut noted = self.noted();
        match progress {
            Some(progress) => noted.insert(digest, progress),
            None => noted.remove(&digest),
        }
    }

    /// Whether this version is called.
    pub(super) fn runs(&self, digest: &Digest) -> bool {
        self.noted().get(digest) == Some(&Progress::Running)
    }

    /// How far what was approved has come.
    pub(super) fn state(&self, approved: &Approved) -> State {
        match (&approved.standing, self.noted().get(&approved.digest)) {
            (Standing::Enabled, Some(Progress::Compiling)) => State::Compiling,
            (Standing::Enabled, Some(Progress::Ready)) => State::Ready,
            (Standing::Enabled, Some(Progress::Running)) => State::Running,
            (standing, _) => State::of(standing),
        }
    }

    /// Says how far one has come and what runs. What is wrong with what was dropped, and what waits for a yes, goes before
    /// what is wrong with what was approved: approving the one mends the other.
    pub(super) fn tell(&self, listed: &mut Listed) {
        let Some(approved) = &listed.approved else { return };
        listed.state = self.state(approved);
        let noted = self.noted();
        let serving = approved.serving().filter(|it| noted.get(&it.digest) == Some(&Progress::Running));
        listed.runs = serving.map(|serving| RunningVersion { version: serving.version, digest: serving.digest });
        let enabled = approved.standing == Standing::Enabled;
        let Some(Progress::Unfit(Unfit { fault, next_step })) = noted.get(&approved.digest).filter(|_| enabled) else {
            return;
        };
        if listed.fault.is_none() {
            listed.fault = Some(format!("approved, and cannot run here: {fault}"));
            if listed.waiting.is_none() {
                listed.next_step = Some((*next_step).to_owned());
            }
        }
    }

    fn noted(&self) -> MutexGuard<'_, BTreeMap<Digest, Progress>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
