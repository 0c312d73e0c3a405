//! Panics: a message on standard error, and a trap.

use codex_manager_extension_sdk::{Event, Fault, Group, handler};

#[handler]
fn on_event(event: Event) -> Result<Group, Fault> {
    panic!("nothing can be done about {}", event.kind)
}
