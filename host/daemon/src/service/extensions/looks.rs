//! Looking at every drop is work for the disk: it is done once for all who wait, and never twice at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use codex_manager_extension::Listed;
use tokio::sync::Mutex;
use tokio::task::{JoinError, spawn_blocking};

/// The looks, and what the last one saw.
#[derive(Default)]
pub(super) struct Looks {
    /// How many have begun.
    begun: AtomicU64,
    /// Which look saw what. Held by the one that is under way, also when whoever asked for it is gone.
    seen: Arc<Mutex<(u64, Arc<Vec<Listed>>)>>,
}

impl Looks {
    /// What a look saw that began after this was called.
    ///
    /// # Errors
    ///
    /// When the look has panicked.
    pub(super) async fn look(
        &self,
        look: impl FnOnce() -> Vec<Listed> + Send + 'static,
    ) -> Result<Arc<Vec<Listed>>, JoinError> {
        let begun = self.begun.load(Ordering::SeqCst);
        let mut seen = Arc::clone(&self.seen).lock_owned().await;
        if seen.0 > begun {
            return Ok(Arc::clone(&seen.1));
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let looked = spawn_blocking(move || {
            *seen = (number, Arc::new(look()));
            Arc::clone(&seen.1)
        });
        looked.await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::task::{Context, Waker};

    use super::*;

    #[tokio::test]
    async fn all_who_wait_share_a_look_that_began_after_they_came() {
        let (looks, counted) = (Looks::default(), Arc::new(AtomicU64::new(0)));
        let (release, held) = mpsc::channel::<()>();
        let look = |held: Option<mpsc::Receiver<()>>| {
            let counted = Arc::clone(&counted);
            Box::pin(looks.look(move || {
                if let Some(held) = held {
                    held.recv().expect("it is released");
                }
                counted.fetch_add(1, Ordering::SeqCst);
                Vec::new()
            }))
        };
        let mut context = Context::from_waker(Waker::noop());
        let mut first = look(Some(held));
        assert!(first.as_mut().poll(&mut context).is_pending());
        // Whoever asked for it goes away, and it goes on.
        drop(first);
        let mut waiting = [look(None), look(None), look(None)];
        for one in &mut waiting {
            assert!(one.as_mut().poll(&mut context).is_pending());
        }
        release.send(()).expect("it is held");
        for one in waiting {
            one.await.expect("it does not panic");
        }
        assert_eq!(counted.load(Ordering::SeqCst), 2, "the first, and one for all who came meanwhile");
    }
}
