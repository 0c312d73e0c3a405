//! Chance, as something given.

use std::fmt;
use std::sync::Arc;

/// Where the chance in delays comes from, so that a test can say what it is.
#[derive(Clone)]
pub struct Jitter(Arc<dyn Fn() -> f64 + Send + Sync>);

impl Jitter {
    /// Real chance.
    pub fn random() -> Self {
        Self::new(rand::random::<f64>)
    }

    /// Chance that is whatever `fraction` says, from 0 to 1.
    pub fn new(fraction: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(fraction))
    }

    /// The next fraction, from 0 to 1.
    pub fn fraction(&self) -> f64 {
        (self.0)().clamp(0.0, 1.0)
    }
}

impl fmt::Debug for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jitter")
    }
}
