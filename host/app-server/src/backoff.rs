//! How long to wait before the child is started again.

use std::time::Duration;

use crate::Jitter;

/// Delays that double with each quick failure up to a cap. A life that lasted counts as a success and starts them anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The delay after the first failure.
    pub first: Duration,
    /// The longest delay.
    pub max: Duration,
    /// How long a life must have been ready to count as a success.
    pub stable: Duration,
    /// After how many quick failures in a row it is called a crash loop. It is tried again all the same.
    pub crash_loop_after: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(250),
            max: Duration::from_secs(30),
            stable: Duration::from_secs(60),
            crash_loop_after: 5,
        }
    }
}

impl Backoff {
    /// The delay after the failure number `attempt` (from 1): between half of the doubled delay and all of it, so that
    /// children of many hosts do not come back at the same moment.
    pub fn delay(&self, attempt: u32, jitter: &Jitter) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        let full = self.first.saturating_mul(1 << doublings).min(self.max);
        full.mul_f64(0.5 + jitter.fraction() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap() {
        let backoff = Backoff { max: Duration::from_secs(3), ..Backoff::default() };
        let most = Jitter::new(|| 1.0);
        let delays: Vec<u128> = (1..=6).map(|attempt| backoff.delay(attempt, &most).as_millis()).collect();
        assert_eq!(delays, [250, 500, 1000, 2000, 3000, 3000]);
        assert_eq!(backoff.delay(u32::MAX, &most), Duration::from_secs(3));
    }

    #[test]
    fn jitter_takes_at_most_half() {
        let backoff = Backoff::default();
        for (fraction, millis) in [(0.0, 125), (0.5, 187), (1.0, 250), (7.0, 250)] {
            assert_eq!(backoff.delay(1, &Jitter::new(move || fraction)).as_millis(), millis);
        }
    }
}
