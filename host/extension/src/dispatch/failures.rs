//! Repeated failure: when an extension goes into quarantine.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use codex_manager_model::limits::{EXTENSION_FAILURES_MAX, EXTENSION_FAILURES_WITHIN};

use crate::{Digest, ExtensionId};

/// The recent failures of each extension, with the code that has failed: other code begins without any.
#[derive(Debug, Default)]
pub(super) struct Failures(BTreeMap<ExtensionId, (Digest, VecDeque<Instant>)>);

impl Failures {
    /// Notes a failure of the code that runs; whether it was one too many. Then the count starts anew.
    pub(super) fn note(&mut self, extension: &ExtensionId, digest: Digest, now: Instant) -> bool {
        let (failed, recent) = self.0.entry(extension.clone()).or_insert_with(|| (digest, VecDeque::new()));
        if *failed != digest {
            *failed = digest;
            recent.clear();
        }
        recent.retain(|at| now.saturating_duration_since(*at) < EXTENSION_FAILURES_WITHIN);
        recent.push_back(now);
        let too_many = recent.len() >= EXTENSION_FAILURES_MAX;
        if too_many {
            self.0.remove(extension);
        }
        too_many
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_failures_close_together_and_of_one_extension_count() {
        let (start, one) = (Instant::now(), "acme.one".parse().expect("an id"));
        let other: ExtensionId = "acme.other".parse().expect("an id");
        let (mut failures, code) = (Failures::default(), Digest::of(b"code"));
        let fail_times = |failures: &mut Failures, id, times: usize, apart: Duration| {
            let at = |n| start + apart * u32::try_from(n).expect("few");
            (0..times).map(|n| failures.note(id, code, at(n))).collect::<Vec<_>>()
        };
        assert_eq!(fail_times(&mut failures, &other, 4, Duration::ZERO), [false; 4]);
        assert_eq!(fail_times(&mut failures, &one, 5, Duration::from_secs(100)), [false, false, false, false, true]);
        let mut failures = Failures::default();
        assert_eq!(fail_times(&mut failures, &one, 9, EXTENSION_FAILURES_WITHIN / 4), [false; 9]);
    }
}
