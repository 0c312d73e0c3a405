//! What the handler macro makes of a manifest, seen on components that are built for real.

use crate::here::{cargo, repository, scratch, toolchain};

/// What a handler of events exports.
const HANDLER: &str = "codex-manager:on-event/handler@1.0.0";
/// The interfaces of the host's own capabilities.
const INTERFACES: [&str; 4] = [
    "codex-manager:config/settings@1.0.0",
    "codex-manager:kv/store@1.0.0",
    "codex-manager:log/lines@1.0.0",
    "codex-manager:sessions/reader@1.0.0",
];

#[test]
fn a_component_imports_what_it_declares_and_uses() {
    let Some(component) = component("everything") else { return };
    for name in INTERFACES.into_iter().chain([HANDLER]) {
        assert!(contains(&component, name), "{name}");
    }
}

#[test]
fn a_capability_of_an_embedder_is_reached_by_the_package_in_the_guests_folder() {
    let Some(component) = component("doors") else { return };
    assert!(contains(&component, "acme:doors/door@2.1.0") && contains(&component, HANDLER));
    assert!(!INTERFACES.iter().any(|name| contains(&component, name)));
}

#[test]
fn the_sdk_holds_without_webassembly() {
    let folder = repository("sdk/rust");
    assert!(cargo(&folder, "test").args(["--quiet", "--workspace"]).status().unwrap().success());
    assert!(cargo(&folder, "fmt").args(["--all", "--check"]).status().unwrap().success());
    // The logic of a guest with a capability of its own, against its author's stand-in.
    assert!(cargo(&folder.join("tests/guests"), "test").args(["--quiet", "-p", "doors"]).status().unwrap().success());
}

#[test]
fn an_author_who_wrote_no_example_has_none_to_be_run() {
    let folder = repository("sdk/rust/tests/guests");
    let output = cargo(&folder, "test").args(["--doc", "-p", "doors"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("running 0 tests"), "{told}");
}

/// The component of one of the guests; `None` where it cannot be built here.
fn component(name: &str) -> Option<Vec<u8>> {
    let folder = repository("sdk/rust/tests/guests").join(name);
    let (toolchain, target) = toolchain(&folder)?;
    let component = scratch().join(name).with_extension("wasm");
    toolchain.build(&folder, &target, &component).expect("it builds");
    Some(std::fs::read(component).expect("it is there"))
}

fn contains(component: &[u8], name: &str) -> bool {
    component.windows(name.len()).any(|window| window == name.as_bytes())
}
