//! Whether the child hangs: it was asked something, and for a long time has said nothing at all.
//!
//! A slow answer is no hang, and neither is a child that has nothing to say. Only when a call has run into its timeout,
//! and for the whole of [`Timeouts::silence`](crate::Timeouts::silence) not one line was heard although it owed an answer,
//! is the child given up. While our own reader is held back by a slow consumer, the silence is ours and does not count.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The silence of one life.
#[derive(Debug)]
pub(crate) struct Silence {
    longest: Duration,
    heard: Mutex<Heard>,
    hangs: CancellationToken,
}

#[derive(Debug, Default)]
struct Heard {
    /// When the last line came, or the reader last had reason not to look.
    last: Option<Instant>,
    /// Since when it owes something: of the calls that timed out after that, the one that was asked first.
    owes_since: Option<Instant>,
    reader_held_back: bool,
}

impl Silence {
    pub(crate) fn new(longest: Duration) -> Self {
        Self { longest, heard: Mutex::default(), hangs: CancellationToken::new() }
    }

    /// A line came.
    pub(crate) fn heard(&self) {
        self.held_back(false);
    }

    /// The reader waits for room (or no longer does).
    pub(crate) fn held_back(&self, held_back: bool) {
        *self.lock() = Heard { last: Some(Instant::now()), owes_since: None, reader_held_back: held_back };
    }

    /// Since when nothing was heard, `begin` at the earliest; `None` while our own reader is held back.
    pub(crate) fn quiet_since(&self, begin: Instant) -> Option<Instant> {
        let heard = self.lock();
        (!heard.reader_held_back).then(|| heard.last.map_or(begin, |last| last.max(begin)))
    }

    /// A call that was asked at this time ran into its timeout.
    pub(crate) fn timed_out(&self, asked: Instant) {
        let mut heard = self.lock();
        let silent_since = heard.last.map_or(asked, |last| last.max(asked));
        let owes_since = *heard.owes_since.get_or_insert(silent_since);
        if owes_since.elapsed() >= self.longest && !heard.reader_held_back {
            self.hangs.cancel();
        }
    }

    /// Resolves when the child hangs, with how long it was silent at least.
    pub(crate) async fn hangs(&self) -> Duration {
        self.hangs.cancelled().await;
        self.longest
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        // Every change is a plain assignment.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_child_that_was_asked_and_stays_silent_hangs() {
        let silence = Silence::new(LONG);
        let first = Instant::now();
        tokio::time::advance(LONG / 2).await;
        silence.timed_out(first);
        assert!(!silence.hangs.is_cancelled());
        let second = Instant::now();
        tokio::time::advance(LONG / 2).await;
        silence.timed_out(second);
        assert!(silence.hangs.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn silence_within_a_long_call_counts_from_the_last_line() {
        let silence = Silence::new(LONG);
        let asked = Instant::now();
        tokio::time::advance(LONG).await;
        silence.heard();
        tokio::time::advance(LONG).await;
        silence.timed_out(asked);
        assert!(silence.hangs.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_child_that_nobody_asks_may_be_silent() {
        let silence = Silence::new(LONG);
        silence.heard();
        tokio::time::advance(LONG * 10).await;
        let asked = Instant::now();
        tokio::time::advance(LONG / 2).await;
        silence.timed_out(asked);
        assert!(!silence.hangs.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn one_line_or_a_held_back_reader_is_no_hang() {
        let silence = Silence::new(LONG);
        let first = Instant::now();
        tokio::time::advance(LONG).await;
        silence.heard();
        silence.timed_out(first);
        silence.held_back(true);
        let second = Instant::now();
        tokio::time::advance(LONG).await;
        silence.timed_out(second);
        assert!(!silence.hangs.is_cancelled());
    }
}
