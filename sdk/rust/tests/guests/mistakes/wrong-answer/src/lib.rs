//! The handler returns a bare group.

use codex_manager_extension_sdk::{Event, Group, handler};

#[handler]
fn on_event(_event: Event) -> Group {
    Group::abstain()
}
