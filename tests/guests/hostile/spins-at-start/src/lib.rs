//! Computes for ever in a constructor: before its handler, and before any function of its own, is called.

use codex_manager_extension_sdk::{Event, Fault, Group, handler};

#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = spin;

extern "C" fn spin() {
    loop {
        std::hint::spin_loop();
    }
}

#[handler]
fn on_event(_event: Event) -> Result<Group, Fault> {
    Ok(Group::abstain())
}
