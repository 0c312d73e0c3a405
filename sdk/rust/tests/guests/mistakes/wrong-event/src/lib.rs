//! The handler takes a reference.

use codex_manager_extension_sdk::{Event, Fault, Group, handler};

#[handler]
fn on_event(event: &Event) -> Result<Group, Fault> {
    let _ = event;
    Ok(Group::abstain())
}
