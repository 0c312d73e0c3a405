//! Waiting for something that must happen, with an end to the patience.

use std::time::{Duration, Instant};

/// How long a test waits for something that must happen. Far above what it takes, for machines that are busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often a condition that announces nothing is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Waits for `event`.
///
/// # Panics
/// When [`PATIENCE`] ends first; `what` says what was waited for.
pub async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, event).await {
        Ok(value) => value,
        Err(_) => panic!("waited {} s for {what}", PATIENCE.as_secs()),
    }
}

/// Looks until `look` finds something. For what announces nothing: a process that ends, a file that appears.
///
/// # Panics
/// When [`PATIENCE`] ends first; `what` says what was looked for.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "looked {} s for {what}", PATIENCE.as_secs());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
