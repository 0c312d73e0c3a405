//! How much of the child's noise is told of: some lines a minute, and then how many more there were.

use std::time::Duration;

use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(60);

/// A limit of so many a minute.
#[derive(Debug)]
pub(crate) struct NoiseLimit {
    per_minute_max: u32,
    window_start: Instant,
    told: u32,
    untold: u64,
}

impl NoiseLimit {
    pub(crate) fn new(per_minute_max: u32) -> Self {
        Self { per_minute_max, window_start: Instant::now(), told: 0, untold: 0 }
    }

    /// What to tell of `what`, if anything now.
    pub(crate) fn admit(&mut self, what: String) -> Option<String> {
        if self.window_start.elapsed() >= WINDOW {
            (self.window_start, self.told) = (Instant::now(), 0);
        }
        if self.told >= self.per_minute_max {
            self.untold += 1;
            return None;
        }
        self.told += 1;
        match std::mem::take(&mut self.untold) {
            0 => Some(what),
            untold => Some(format!("{what} (and {untold} more before it)")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn noise_is_told_up_to_the_limit_and_counted_beyond() {
        let mut limit = NoiseLimit::new(2);
        let mut told = |what: &str| limit.admit(what.to_owned());
        assert_eq!(told("a").as_deref(), Some("a"));
        assert_eq!(told("b").as_deref(), Some("b"));
        assert_eq!((told("c"), told("d")), (None, None));
        tokio::time::advance(WINDOW).await;
        assert_eq!(told("e").as_deref(), Some("e (and 2 more before it)"));
        assert_eq!(told("f").as_deref(), Some("f"));
    }
}
