//! Reads sessions, which its manifest does not ask for. The SDK does not let an author do that by accident: it is told
//! another manifest here than the one that is dropped.

use codex_manager_extension_sdk::{Event, Fault, Group, Sessions, handler};

#[handler(manifest = "built-with.toml")]
fn on_event(_event: Event, host: &Host) -> Result<Group, Fault> {
    host.sessions(None, 100)?;
    Ok(Group::abstain())
}
