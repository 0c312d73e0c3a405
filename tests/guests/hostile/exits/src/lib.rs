//! Ends its process, as if it had one.

use codex_manager_extension_sdk::{Event, Fault, Group, handler};

#[handler]
fn on_event(_event: Event) -> Result<Group, Fault> {
    std::process::exit(3)
}
