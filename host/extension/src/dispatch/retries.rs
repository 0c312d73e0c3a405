//! Calls that the host could not make, and when each is tried again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use codex_manager_model::limits::{EXTENSION_HOST_RETRIES_MAX, EXTENSION_HOST_RETRY, EXTENSION_HOST_RETRY_MAX};

use super::lanes::Seated;

/// What waits to be tried again, the next one first.
#[derive(Debug, Default)]
pub(super) struct Retries(BTreeSet<(Instant, Seated)>);

impl Retries {
    /// Tries this again later, and each time later than that; `false` if it was tried often enough.
    pub(super) fn later(&mut self, seated: Seated, tried: u32, now: Instant) -> bool {
        if tried > EXTENSION_HOST_RETRIES_MAX {
            return false;
        }
        self.0.insert((now + delay(tried), seated));
        true
    }

    /// Takes the next one whose time has come.
    pub(super) fn next(&mut self, now: Instant) -> Option<Seated> {
        let due = self.0.first().is_some_and(|(at, _)| *at <= now);
        due.then(|| self.0.pop_first()).flatten().map(|(_, seated)| seated)
    }

    /// When the next one is tried.
    pub(super) fn at(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }
}

/// How long to wait after the host has failed so often.
fn delay(tried: u32) -> Duration {
    let doubled = EXTENSION_HOST_RETRY.saturating_mul(2_u32.saturating_pow(tried.saturating_sub(1)));
    doubled.min(EXTENSION_HOST_RETRY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_delay_is_twice_the_one_before_and_none_is_too_long() {
        assert_eq!([1, 2, 3].map(|tried| delay(tried).as_millis()), [250, 500, 1000]);
        assert_eq!(delay(u32::MAX), EXTENSION_HOST_RETRY_MAX);
    }
}
