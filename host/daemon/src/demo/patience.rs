//! Waiting, with an end to it.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::fault::Fault;

/// How long the demo waits for something that must happen. Far above what it takes, for machines that are busy.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// How often a condition that announces nothing is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(15);

/// Waits for `event`.
pub(super) async fn soon<T>(what: &str, event: impl Future<Output = T>) -> Result<T, Fault> {
    timeout(PATIENCE, event).await.map_err(|_| too_long(what))
}

/// Looks until `look` finds something. For what announces nothing: a process that ends, a file that appears, health.
pub(super) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<Option<T>, Fault>) -> Result<T, Fault> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if Instant::now() >= end {
            return Err(too_long(what));
        }
        sleep(LOOK_EVERY).await;
    }
}

fn too_long(what: &str) -> Fault {
    Fault::new(format!("waited {} seconds for {what}", PATIENCE.as_secs()))
}
