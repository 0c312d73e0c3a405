//! Guests as the text of a core module, for what no language does.

use std::fs;
use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Makes `guest.wat` a component of the smallest world: it imports nothing.
pub(super) fn build(folder: &Path, component: &Path) {
    let mut module = wat::parse_file(folder.join("guest.wat")).unwrap_or_else(|error| panic!("{error}"));
    let mut resolve = Resolve::default();
    let [_, _, on_event] = ["events", "actions", "on-event"]
        .map(|package| resolve.push_dir(super::wit().join(package)).expect("a package of ours can be read").0);
    let world = resolve.select_world(&[on_event], Some("on-event")).expect("it has the world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).expect("any module takes it");
    let mut encoder = ComponentEncoder::default();
    let encoded = encoder.module(&module).and_then(|encoder| encoder.validate(true).encode());
    let encoded = encoded.unwrap_or_else(|error| panic!("{}: {error:?}", folder.display()));
    fs::write(component, encoded).expect("the scratch folder can be written");
}
