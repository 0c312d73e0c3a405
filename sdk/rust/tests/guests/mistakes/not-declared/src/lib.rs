//! A capability is used that the manifest does not declare.

use codex_manager_extension_sdk::{Event, Fault, Group, Kv, handler};

#[handler]
fn on_event(_event: Event, host: &Host) -> Result<Group, Fault> {
    keep(host)
}

fn keep(host: &impl Kv) -> Result<Group, Fault> {
    host.set("a", "b")?;
    Ok(Group::abstain())
}
