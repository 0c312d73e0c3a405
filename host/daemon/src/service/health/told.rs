//! What was told last, kept for a moment: health is asked far more often than it changes, and by anybody.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

/// For how long the same is told, unless something is known to have changed.
const FRESH: Duration = Duration::from_millis(10);

/// The last answer. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Told(Arc<Mutex<Option<Kept>>>);

/// Whether what an answer tells of has changed since.
pub(super) type Changed = Box<dyn Fn() -> bool + Send>;

struct Kept {
    at: Instant,
    changed: Changed,
    answer: Bytes,
}

impl Told {
    /// The last answer while it holds, else a new one.
    pub(super) fn or_anew(&self, make: impl FnOnce() -> (Changed, Bytes)) -> Bytes {
        // What was told is replaced as a whole.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = Instant::now();
        if let Some(kept) = kept.as_ref().filter(|kept| at.duration_since(kept.at) < FRESH && !(kept.changed)()) {
            return kept.answer.clone();
        }
        let (changed, answer) = make();
        *kept = Some(Kept { at, changed, answer: answer.clone() });
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_same_is_told_for_a_moment_unless_something_changes() {
        let (told, changed) = (Told::default(), Arc::new(AtomicBool::new(false)));
        let tell = |answer: &'static str| {
            let changed = Arc::clone(&changed);
            told.or_anew(|| (Box::new(move || changed.load(Ordering::SeqCst)), Bytes::from_static(answer.as_bytes())))
        };
        assert_eq!((&*tell("first"), &*tell("second")), (&b"first"[..], &b"first"[..]));
        tokio::time::advance(FRESH).await;
        assert_eq!(&*tell("third"), b"third", "the moment is over");
        changed.store(true, Ordering::SeqCst);
        assert_eq!(&*tell("fourth"), b"fourth", "something has changed");
    }
}
