//! Fills its one memory, a megabyte at a time, and uses every byte of it.

use codex_manager_extension_sdk::{Event, Fault, Group, handler};

#[handler]
fn on_event(_event: Event) -> Result<Group, Fault> {
    let mut hoard = Vec::new();
    loop {
        hoard.push(vec![1_u8; 1 << 20]);
        std::hint::black_box(&hoard);
    }
}
