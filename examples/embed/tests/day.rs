//! The example, built and run.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use codex_manager_extension_build::{TargetError, Toolchain};

#[tokio::test]
async fn the_gardener_is_approved_and_opens_the_window_that_stays_dry() {
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let drop = scratch.path().join("drops/gardener");
    fs::create_dir_all(&drop).expect("a folder");
    let guest = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest");
    fs::copy(guest.join("extension.toml"), drop.join("extension.toml")).expect("the manifest");
    if let Err(why) = build(&guest, &drop.join("gardener.wasm")) {
        return skipped(&why);
    }
    let story = codex_manager_example_embed::day(scratch.path().join("drops"), &scratch.path().join("data")).await;
    let expected = [
        "Gardener 1.0.0 (acme.gardener): Opens a window when it is hot, unless rain is near.",
        "  it may look at the weather forecast {\"hours_max\":12}, because: Rain should not come in.",
        "  it may write lines to its own log {}, because: Says why a window stays closed.",
        "  it may close a window {}, because: Keeps the rain out.",
        "  it may open a window {}, because: Lets the heat out.",
        "  it may be told of air.measured {\"kinds\":[\"air.measured\"],\"own_events\":false,\"priority\":100}",
        "  approved",
        "1: 21 degrees in the north",
        "2: 31 degrees in the north",
        "3: 31 degrees in the south",
    ];
    let mut story = story.expect("a day");
    let mut happened = story.split_off(expected.len());
    assert_eq!(story, expected);
    // North and south do not wait for each other.
    happened.sort();
    let expected = [
        "  1: nothing is to be done",
        "  2: window.open {\"window\":\"north\"}",
        "  3: acme.gardener says: it is hot, and it rains in 1 h",
        "  3: window.close {\"window\":\"south\"}",
    ];
    assert_eq!(happened, expected);
}

#[test]
fn the_logic_of_the_gardener_holds_without_webassembly() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest/Cargo.toml");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gardener-target");
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--quiet", "--manifest-path"]).arg(manifest).arg("--target-dir").arg(target);
    assert!(cargo.status().expect("cargo runs").success());
}

/// Builds the guest; why not, where its target cannot be had here.
fn build(guest: &Path, component: &Path) -> Result<(), String> {
    let beside = || Path::new(env!("CARGO_TARGET_TMPDIR")).join("tools");
    let mut toolchain = Toolchain::new(std::env::var_os("CODEX_MANAGER_TOOLS_DIR").map_or_else(beside, PathBuf::from));
    // A test leaves the toolchain of whoever runs it as it is.
    toolchain.programs.rustup = None;
    match toolchain.target(guest, &mut |step| println!("{step}")) {
        Ok(target) => toolchain.build(guest, &target, component).unwrap_or_else(|error| panic!("{error}")),
        Err(why @ (TargetError::Unavailable { .. } | TargetError::NoCompiler(_))) => return Err(why.to_string()),
        Err(other) => panic!("{other}"),
    }
    Ok(())
}

/// Skips loudly: on stderr, which the test runner does not catch; a failure where skips are denied.
fn skipped(why: &str) {
    assert!(std::env::var_os("CODEX_MANAGER_SKIPS").is_none_or(|value| value != "deny"), "skipped: {why}");
    writeln!(std::io::stderr(), "SKIPPED: the example's guest: {why}").expect("stderr can be written");
}
