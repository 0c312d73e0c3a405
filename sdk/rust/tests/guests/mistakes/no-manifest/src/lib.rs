//! There is no `extension.toml`.

use codex_manager_extension_sdk::{Event, Fault, Group, handler};

#[handler]
fn on_event(_event: Event) -> Result<Group, Fault> {
    Ok(Group::abstain())
}
