//! Where the readers stand, for whoever looks at the stream from outside.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use codex_manager_model::Seq;

/// The places of all readers.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<Vec<Weak<AtomicU64>>>);

/// One reader's place. Dropped, it is nobody's any more.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicU64>);

impl Places {
    /// One more reader, which stands here.
    pub(super) fn enter(&self, at: Seq) -> Place {
        let place = Arc::new(AtomicU64::new(at.0));
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|other| other.strong_count() > 0);
        places.push(Arc::downgrade(&place));
        Place(place)
    }

    /// How many readers there are, and where the one stands that is furthest behind.
    pub(super) fn look(&self) -> (usize, Option<Seq>) {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let standing: Vec<_> = places.iter().filter_map(Weak::upgrade).map(|at| at.load(Ordering::Relaxed)).collect();
        (standing.len(), standing.into_iter().min().map(Seq))
    }
}

impl Place {
    /// The reader stands here now.
    pub(super) fn set(&self, at: Seq) {
        self.0.store(at.0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_furthest_behind_is_known_until_it_leaves() {
        let places = Places::default();
        assert_eq!(places.look(), (0, None));
        let (slow, quick) = (places.enter(Seq(3)), places.enter(Seq(3)));
        quick.set(Seq(9));
        assert_eq!(places.look(), (2, Some(Seq(3))));
        drop(slow);
        assert_eq!(places.look(), (1, Some(Seq(9))));
    }
}
