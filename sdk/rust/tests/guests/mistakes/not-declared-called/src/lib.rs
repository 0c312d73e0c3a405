//! A method of a capability is called that the manifest does not declare; and one of the author's own that is called as a
//! capability's is, which is nobody's mistake.

use codex_manager_extension_sdk::{Event, Fault, Group, Level, handler};

#[handler]
fn on_event(_event: Event, host: &Host) -> Result<Group, Fault> {
    let kept: u32 = host.set("a", 7);
    host.log(Level::Info, &format!("{kept}"));
    Ok(Group::abstain())
}

trait Shelf {
    fn set(&self, name: &str, number: u32) -> u32;
}

impl Shelf for Host {
    fn set(&self, _name: &str, number: u32) -> u32 {
        number
    }
}
