//! Repeated failure: when an extension goes into quarantine.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use codex_manager_model::limits::{EXTENSION_FAILURES_MAX, EXTENSION_FAILURES_WITHIN};

use crate::{Digest, ExtensionId};

/// The recent failures of each extension, with the code that has failed: other code begins without any.
#[derive(Debug, Default)]
pub(super) struct Failures(BTreeMap<ExtensionId, (Digest, VecDeque<Instant>)>);

impl Failures {
    /// Notes a failure of the code that runs, and that may take so long to fail; whether it was one too many. Then the
    /// count starts anew.
    pub(super) fn note(&mut self, extension: &ExtensionId, digest: Digest, wall: Duration, now: Instant) -> bool {
        let (failed, recent) = self.0.entry(extension.clone()).or_insert_with(|| (digest, VecDeque::new()));
        if *failed != digest {
            *failed = digest;
            recent.clear();
        }
        recent.retain(|at| now.saturating_duration_since(*at) < window(wall));
        recent.push_back(now);
        let too_many = recent.len() >= EXTENSION_FAILURES_MAX;
        if too_many {
            self.0.remove(extension);
        }
        too_many
    }
}

/// The time within which failures count together: enough for so many of the longest calls one after the other, and again
/// as much between them.
fn window(wall: Duration) -> Duration {
    let failing = wall.saturating_mul(2 * u32::try_from(EXTENSION_FAILURES_MAX).unwrap_or(u32::MAX));
    failing.max(EXTENSION_FAILURES_WITHIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_close_together_and_of_one_extension_count() {
        let (start, one) = (Instant::now(), "acme.one".parse().expect("an id"));
        let other: ExtensionId = "acme.other".parse().expect("an id");
        let (mut failures, code) = (Failures::default(), Digest::of(b"code"));
        const WALL: Duration = Duration::from_secs(10);
        let fail_times = |failures: &mut Failures, id, times: usize, apart: Duration| {
            let at = |n| start + apart * u32::try_from(n).expect("few");
            (0..times).map(|n| failures.note(id, code, WALL, at(n))).collect::<Vec<_>>()
        };
        assert_eq!(fail_times(&mut failures, &other, 4, Duration::ZERO), [false; 4]);
        assert_eq!(fail_times(&mut failures, &one, 5, Duration::from_secs(100)), [false, false, false, false, true]);
        let mut failures = Failures::default();
        assert_eq!(fail_times(&mut failures, &one, 9, EXTENSION_FAILURES_WITHIN / 4), [false; 9]);
    }

    #[test]
    fn one_that_takes_as_long_as_it_may_to_fail_is_quarantined_all_the_same() {
        let (start, slow) = (Instant::now(), "acme.slow".parse().expect("an id"));
        let (mut failures, code, wall) = (Failures::default(), Digest::of(b"code"), Duration::from_secs(900));
        // One after the other, and each to its end.
        let told: Vec<_> = (1..=5).map(|n| failures.note(&slow, code, wall, start + wall * n)).collect();
        assert_eq!(told, [false, false, false, false, true]);
    }
}
