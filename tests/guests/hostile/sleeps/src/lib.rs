//! Sleeps for ever: the standard library asks the host to wake it, so the guest stands in a call of the host.

use std::time::Duration;

use codex_manager_extension_sdk::{Event, Fault, Group, handler};

#[handler]
fn on_event(_event: Event) -> Result<Group, Fault> {
    loop {
        std::thread::sleep(Duration::from_secs(86_400));
    }
}
