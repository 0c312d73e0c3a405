//! The time, as something given.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

/// Where the wall-clock time comes from. Handed to whatever needs it, so that a test can say what time it is.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's clock, as fine as times are kept: to the microsecond. So a time is told the same before it was
    /// written down and after.
    pub fn system() -> Self {
        let cut = |now: Timestamp| Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        Self::new(move || cut(Timestamp::now()))
    }

    /// A clock that answers whatever `now` says.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_as_it_is_kept() {
        let clock = Clock::system();
        for now in (0..1000).map(|_| clock.now()) {
            assert_eq!(now.subsec_nanosecond() % 1000, 0, "{now}");
        }
    }
}
