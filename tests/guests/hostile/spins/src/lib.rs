//! Computes for ever.

use codex_manager_extension_sdk::{Event, Fault, Group, handler};

#[handler]
fn on_event(_event: Event) -> Result<Group, Fault> {
    loop {
        std::hint::spin_loop();
    }
}
