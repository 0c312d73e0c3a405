//! What this machine can build.

use std::env;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use codex_manager_extension_build::{Target, TargetError, Toolchain};

/// What builds the guest in `folder`; `None`, said loudly, where the target's standard library cannot be had.
pub(crate) fn toolchain(folder: &Path) -> Option<(Toolchain, Target)> {
    let mut toolchain = Toolchain::new(tools());
    // A test leaves the toolchain of whoever runs it as it is.
    toolchain.programs.rustup = None;
    match toolchain.target(folder, &mut |step| println!("{step}")) {
        Ok(target) => Some((toolchain, target)),
        Err(why @ TargetError::Unavailable { .. }) => {
            skipped(&why.to_string());
            None
        }
        Err(other) => panic!("{other}"),
    }
}

/// cargo in `folder`, for this machine and not for guests, with whatever it makes outside of the sources.
pub(crate) fn cargo(folder: &Path, verb: &str) -> Command {
    let mut command = Command::new("cargo");
    command.arg(verb).current_dir(folder).env("CARGO_TARGET_DIR", scratch().join("authors"));
    command
}

/// A folder of this repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Where tests write.
pub(crate) fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// The tools folder that the daemon would use: a private sysroot is made once for all.
fn tools() -> PathBuf {
    let named = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")));
    let tools = named("CODEX_MANAGER_TOOLS_DIR").or_else(|| Some(cache()?.join("codex-manager/tools")));
    tools.unwrap_or_else(|| scratch().join("tools"))
}

/// Skips loudly; a failure where skips are denied.
fn skipped(why: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let denied = env::var_os("CODEX_MANAGER_SKIPS").as_deref() == Some(OsStr::new("deny"));
    assert!(!denied, "skipped: {test}: {why}");
    // Not `eprintln!`, which the test runner shows of failures only.
    let mut stderr = std::io::stderr();
    writeln!(stderr, "SKIPPED: {test}: {why}").expect("stderr can be written");
}
