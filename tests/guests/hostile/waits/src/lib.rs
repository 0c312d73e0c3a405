//! Sleeps on a timer, and costs nobody any processor time: what others get meanwhile shows who waits for whom.

use std::time::Duration;

use codex_manager_extension_sdk::{Event, Fault, Group, handler};

#[handler]
fn on_event(_event: Event) -> Result<Group, Fault> {
    loop {
        std::thread::sleep(Duration::from_secs(86_400));
    }
}
