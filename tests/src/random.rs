//! Chance that can be had again.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

/// Numbers that look random, and are the same again from the same seed.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// From this seed.
    pub fn new(seed: u64) -> Self {
        // Nothing ever comes of zero.
        Self(seed | 1)
    }

    /// From a seed that differs from run to run; to be printed, so that a failure can be had again.
    pub fn fresh() -> (Self, u64) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seed = u64::try_from(now.as_nanos() & u128::from(u64::MAX)).unwrap_or_default();
        (Self::new(seed), seed)
    }

    /// From the name of the test that asks, so that each has numbers of its own, and the seed.
    pub fn of_test() -> (Self, u64) {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or_default();
        let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        (Self::new(seed), seed)
    }

    /// The next number in a range.
    pub fn within(&mut self, range: Range<u64>) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        range.start + self.0 % (range.end - range.start)
    }
}
