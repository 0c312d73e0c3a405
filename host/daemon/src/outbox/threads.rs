//! Which threads the present child has loaded. A new child has none, and refuses turns on threads it has not loaded.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use codex_manager_model::{Generation, SessionId};

/// The loaded threads of one generation; asking about another one forgets them.
#[derive(Default)]
pub(super) struct LoadedThreads(Mutex<(Option<Generation>, HashSet<SessionId>)>);

impl LoadedThreads {
    /// Whether the child of `generation` has loaded `thread`.
    pub(super) fn contains(&self, generation: &Generation, thread: &SessionId) -> bool {
        self.with(generation, |threads| threads.contains(thread))
    }

    /// Notes that it has.
    pub(super) fn insert(&self, generation: &Generation, thread: SessionId) {
        self.with(generation, |threads| threads.insert(thread));
    }

    /// Notes that it has not, whatever we thought.
    pub(super) fn remove(&self, generation: &Generation, thread: &SessionId) {
        self.with(generation, |threads| threads.remove(thread));
    }

    fn with<T>(&self, generation: &Generation, act: impl FnOnce(&mut HashSet<SessionId>) -> T) -> T {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.0.as_ref() != Some(generation) {
            *held = (Some(generation.clone()), HashSet::new());
        }
        act(&mut held.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_child_has_loaded_nothing() {
        let threads = LoadedThreads::default();
        let (first, second, thread) = (Generation::new("1"), Generation::new("2"), SessionId::new("t"));
        threads.insert(&first, thread.clone());
        assert!(threads.contains(&first, &thread));
        assert!(!threads.contains(&second, &thread));
        assert!(!threads.contains(&first, &thread), "the old child does not come back");
    }
}
