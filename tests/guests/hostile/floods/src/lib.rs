//! Logs without end.

use codex_manager_extension_sdk::{Event, Fault, Group, Level, Log, handler};

#[handler]
fn on_event(_event: Event, host: &Host) -> Result<Group, Fault> {
    loop {
        host.log(Level::Info, "and another thing");
    }
}
