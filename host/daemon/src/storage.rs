//! Writing to the store what must not be lost: what the child said, and what became of an operation.
//!
//! While the disk is full or fails, such a write is repeated until it succeeds; meanwhile the writer stops taking more,
//! the child's pipe fills and holds it back, and health says why. Requests of clients do not come through here: they are
//! told at once that there is no room.
//!
//! Waiting does not mend every refusal: a constraint, a broken file or a bug refuses the same write again and again. To
//! pass over it would lose it silently, and to wait would leave a daemon that looks alive and takes in nothing. So after
//! [`REFUSALS_MAX`] tries the store is given up and the daemon ends with the reason. The child ends with it, and the next
//! start's recovery tells what was cut short.

use std::error::Error as _;
use std::mem::discriminant;
use std::sync::Arc;
use std::time::Duration;

use codex_manager_store::{Error, Store, Tx};
use tokio::sync::watch;

/// How long to wait before a failed write is tried again.
const RETRY_DELAY: Duration = Duration::from_millis(250);
/// How often one write is refused before the store is given up. More than once, for a foreign program's lock is such a
/// refusal too; each of those has waited for some seconds already.
const REFUSALS_MAX: u32 = 20;

/// Whether the store takes what it is given.
#[derive(Debug, Clone)]
pub(crate) enum StorageState {
    /// It does.
    Ok,
    /// The disk is full; intake waits for room.
    Full,
    /// Writes fail for another reason, which the log tells; intake waits.
    Failing,
    /// It refused a write for good; the daemon ends.
    GivenUp(Error),
}

impl StorageState {
    /// The word in health.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Full => "full",
            Self::Failing | Self::GivenUp(_) => "failing",
        }
    }
}

/// The store, for writes that must not be lost.
#[derive(Clone)]
pub(crate) struct Storage {
    store: Store,
    state: Arc<watch::Sender<StorageState>>,
}

impl Storage {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, state: Arc::new(watch::Sender::new(StorageState::Ok)) }
    }

    /// The store itself, for everything that may fail.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Whether the last write that must not be lost went through.
    pub(crate) fn state(&self) -> StorageState {
        self.state.borrow().clone()
    }

    /// The same as it changes.
    pub(crate) fn changes(&self) -> watch::Receiver<StorageState> {
        self.state.subscribe()
    }

    /// Resolves when a write was refused for good.
    pub(crate) async fn given_up(&self) {
        let mut state = self.changes();
        drop(state.wait_for(|state| matches!(state, StorageState::GivenUp(_))).await);
    }

    /// Writes, again and again until there is room.
    ///
    /// # Errors
    /// [`Error::Closed`] when the host is stopping: what was not written is told again by the next child or found out by
    /// the next recovery. Any other when the store is given up over this write.
    pub(crate) async fn insist<T, F>(&self, apply: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&Tx<'_>) -> Result<T, Error> + Clone + Send + 'static,
    {
        let mut refusals = 0;
        loop {
            let error = match self.store.write(apply.clone()).await {
                Ok(value) => {
                    self.show(StorageState::Ok);
                    return Ok(value);
                }
                Err(Error::Closed) => return Err(Error::Closed),
                Err(error) => error,
            };
            refusals += u32::from(!matches!(error, Error::Full | Error::Io(_)));
            if refusals == REFUSALS_MAX {
                self.show(StorageState::GivenUp(error.clone()));
                return Err(error);
            }
            let now = if matches!(error, Error::Full) { StorageState::Full } else { StorageState::Failing };
            if self.show(now) {
                let cause = error.source().map(tracing::field::display);
                tracing::error!(%error, cause, "the store does not take what the child says; waiting");
            }
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    /// Whether that is new. What was given up stays so.
    fn show(&self, now: StorageState) -> bool {
        self.state.send_if_modified(|state| {
            let changed = !matches!(state, StorageState::GivenUp(_)) && discriminant(state) != discriminant(&now);
            if changed {
                *state = now;
            }
            changed
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicU32, Ordering};

    use codex_manager_store::Config;

    use super::*;

    fn storage(folder: &tempfile::TempDir) -> Storage {
        Storage::new(Config { folder: folder.path().to_owned(), size_bytes_max: None }.open().unwrap())
    }

    /// A write that fails so often and then succeeds; it gives how often it was tried.
    fn failing(times: u32, error: Error) -> impl Fn(&Tx<'_>) -> Result<u32, Error> + Clone + Send + 'static {
        let tries = Arc::new(AtomicU32::new(0));
        move |_| {
            let tried = tries.fetch_add(1, Ordering::Relaxed) + 1;
            if tried <= times { Err(error.clone()) } else { Ok(tried) }
        }
    }

    fn cause() -> Arc<io::Error> {
        Arc::new(io::Error::other("the cause"))
    }

    #[tokio::test(start_paused = true)]
    async fn what_waiting_may_mend_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let storage = storage(&folder);
        for (times, error) in [
            (2 * REFUSALS_MAX, Error::Full),
            (2 * REFUSALS_MAX, Error::Io(cause())),
            (REFUSALS_MAX - 1, Error::Sqlite(cause())),
        ] {
            assert_eq!(storage.insist(failing(times, error)).await.unwrap(), times + 1);
            assert!(matches!(storage.state(), StorageState::Ok));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_is_refused_again_and_again_is_given_up_for_good() {
        let folder = tempfile::tempdir().unwrap();
        for error in [Error::Sqlite(cause()), Error::Corrupt { source: cause() }, Error::Panicked] {
            let storage = storage(&folder);
            let refused = storage.insist(failing(u32::MAX, error)).await.unwrap_err();
            storage.given_up().await;
            storage.insist(|_| Ok(())).await.unwrap();
            let StorageState::GivenUp(kept) = storage.state() else { panic!("it is not forgotten") };
            assert_eq!(kept.to_string(), refused.to_string());
        }
    }
}
