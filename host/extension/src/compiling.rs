//! Compiling, bounded: how many components at once, and how long somebody waits for one.
//!
//! The compiler cannot be interrupted. One that takes too long is left to its thread, which keeps its place until it ends
//! by itself; whoever waits for it is told, and so is whoever finds every place taken that way. What is kept compiled
//! needs no place and does not come by here.

use std::collections::BTreeMap;
use std::io;
use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use codex_manager_model::limits::{EXTENSION_COMPILE_MAX, EXTENSION_COMPILES_MAX};

use crate::Digest;

/// The places in which components are compiled.
pub(crate) struct Compiling {
    places: Arc<Places>,
    patience: Duration,
}

/// Why something was not compiled. That may be otherwise the next time.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    /// It takes too long. Its compiler goes on, and what it makes is kept where code is kept.
    #[error("it takes longer than {} s to compile here", EXTENSION_COMPILE_MAX.as_secs())]
    TooLong,
    /// Others take too long, and have all the places.
    #[error("others still compile that take longer than {} s, and there is no more room", EXTENSION_COMPILE_MAX.as_secs())]
    NoPlace,
    /// The system gave no thread.
    #[error("the thread that compiles could not be started")]
    NoThread(#[source] io::Error),
}

impl Compiling {
    /// Places in which each component may take that long.
    pub(crate) fn new(patience: Duration) -> Self {
        Self { places: Arc::default(), patience }
    }

    /// Does the work for a component on a thread of its own, once there is a place and nobody else does the same, and
    /// waits for it. A panic of the work is passed on.
    pub(crate) fn run<T, F>(&self, digest: Digest, work: F) -> Result<T, Unfinished>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let place = self.place(digest)?;
        let (done, result) = sync_channel(1);
        let run = move || {
            let compiled = work();
            drop(place);
            // Nobody may be waiting any more.
            let _ = done.send(compiled);
        };
        let thread = thread::Builder::new().name("compile".to_owned()).spawn(run).map_err(Unfinished::NoThread)?;
        match result.recv_timeout(self.patience) {
            Ok(compiled) => Ok(compiled),
            Err(RecvTimeoutError::Timeout) => Err(Unfinished::TooLong),
            Err(RecvTimeoutError::Disconnected) => {
                resume_unwind(thread.join().expect_err("it ended without a result"));
            }
        }
    }

    fn place(&self, digest: Digest) -> Result<Place, Unfinished> {
        let mut running = self.places.running();
        loop {
            let now = Instant::now();
            let left = |since: &Instant| self.patience.checked_sub(now - *since).filter(|left| !left.is_zero());
            let full = running.len() >= EXTENSION_COMPILES_MAX;
            match running.get(&digest) {
                Some(since) if left(since).is_none() => return Err(Unfinished::TooLong),
                None if !full => {
                    running.insert(digest, now);
                    return Ok(Place { places: Arc::clone(&self.places), digest });
                }
                _ => {}
            }
            let Some(wait) = running.values().filter_map(left).min() else { return Err(Unfinished::NoPlace) };
            let woken = self.places.freed.wait_timeout(running, wait);
            running = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[derive(Default)]
struct Places {
    /// Since when each is compiled.
    running: Mutex<BTreeMap<Digest, Instant>>,
    freed: Condvar,
}

impl Places {
    fn running(&self) -> MutexGuard<'_, BTreeMap<Digest, Instant>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place, given back when it is dropped.
struct Place {
    places: Arc<Places>,
    digest: Digest,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.running().remove(&self.digest);
        self.places.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Sender;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn named(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    /// Work for ever, until it is let go.
    fn hold(compiling: &Compiling, name: &str) -> Sender<()> {
        let (let_go, held) = std::sync::mpsc::channel();
        let held = compiling.run(named(name), move || held.recv().is_ok());
        assert!(matches!(held, Err(Unfinished::TooLong)), "{held:?}");
        let_go
    }

    #[test]
    fn what_takes_too_long_is_left_alone_and_the_others_go_on_until_the_places_are_gone() {
        let compiling = Compiling::new(Duration::from_millis(1));
        let first = hold(&compiling, "first");
        let again = compiling.run(named("first"), || ());
        assert!(matches!(again, Err(Unfinished::TooLong)), "nobody begins it twice: {again:?}");
        let patient = Compiling { places: Arc::clone(&compiling.places), patience: LONG };
        assert!(matches!(patient.run(named("second"), || 2), Ok(2)), "there is another place");

        let _second = hold(&compiling, "second");
        let third = compiling.run(named("third"), || 3);
        assert!(matches!(third, Err(Unfinished::NoPlace)), "{third:?}");
        first.send(()).expect("it still waits");
        assert!(matches!(patient.run(named("third"), || 3), Ok(3)), "the first has ended by itself");
    }

    #[test]
    fn a_panic_is_passed_on_and_gives_the_place_back() {
        let compiling = Compiling::new(LONG);
        for _ in 0..=EXTENSION_COMPILES_MAX {
            let run = || compiling.run(named("it"), || panic!("it cannot be compiled"));
            let run: Result<Result<(), Unfinished>, _> = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
            assert!(run.is_err());
        }
    }
}
