//! The first-party guard.

use std::fs;
use std::path::Path;

use crate::here::{cargo, repository, scratch, toolchain};

/// The largest that its component may become, in bytes.
const GUARD_BYTES_MAX: u64 = 200_000;

#[test]
fn the_guard_builds_into_a_small_component() {
    let folder = repository("extensions/guard");
    let Some((toolchain, target)) = toolchain(&folder) else { return };
    let component = scratch().join("guard.wasm");
    toolchain.build(&folder, &target, &component).unwrap();
    let bytes = component.metadata().unwrap().len();
    println!("guard.wasm: {bytes} bytes");
    assert!(bytes <= GUARD_BYTES_MAX, "{bytes} bytes are more than {GUARD_BYTES_MAX}");
    assert_eq!(&fs::read(&component).unwrap()[..8], b"\0asm\x0d\0\x01\0", "a component, and no bare module");
}

#[test]
fn the_guard_is_the_same_wherever_it_is_built_and_tells_of_no_folder() {
    let folder = repository("extensions/guard");
    let Some((toolchain, target)) = toolchain(&folder) else { return };
    // What is compiled there stays, so that the next run finds it.
    let elsewhere = scratch().join("elsewhere, by a longer name");
    for part in ["extensions/guard", "sdk/rust", "wit"] {
        copy(&repository(part), &elsewhere.join(part));
    }
    let build = |folder: &Path, name: &str| {
        let component = scratch().join(name);
        toolchain.build(folder, &target, &component).unwrap();
        fs::read(component).unwrap()
    };
    let (here, there) =
        (build(&folder, "guard-here.wasm"), build(&elsewhere.join("extensions/guard"), "guard-there.wasm"));
    assert!(here == there, "{} bytes here, {} there, and not the same", here.len(), there.len());
    for folder in [repository("").canonicalize().unwrap(), toolchain.tools.clone(), std::env::home_dir().unwrap()] {
        let name = format!("{}/", folder.display());
        assert!(!here.windows(name.len()).any(|window| window == name.as_bytes()), "it tells of {name}");
    }
}

/// Copies a package's sources.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("it is there").flatten() {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true if entry.file_name() == "target" || entry.file_name() == "tests" => {}
            true => copy(&path, &to),
            false => drop(fs::copy(&path, &to).expect("it can be copied")),
        }
    }
}

#[test]
fn the_logic_of_the_guard_holds_without_webassembly() {
    let folder = repository("extensions/guard");
    assert!(cargo(&folder, "test").arg("--quiet").status().unwrap().success());
    assert!(cargo(&folder, "fmt").arg("--check").status().unwrap().success());
}
