//! Guests in Rust.

use std::io::{Write, stderr};
use std::path::Path;
use std::sync::OnceLock;

use codex_manager_extension_build::{Target, TargetError, Toolchain};

pub(super) fn build(folder: &Path, component: &Path) -> Result<(), String> {
    static READY: OnceLock<Result<(Toolchain, Target), String>> = OnceLock::new();
    let (toolchain, target) = READY.get_or_init(|| ready(folder)).as_ref().map_err(Clone::clone)?;
    toolchain.build(folder, target, component).unwrap_or_else(|error| panic!("{error}"));
    Ok(())
}

/// The compiler with its target, which is made where it is missing: that takes a minute or two, once a machine.
fn ready(folder: &Path) -> Result<(Toolchain, Target), String> {
    let mut toolchain = Toolchain::new(super::tools()?);
    // A test leaves the toolchain of whoever runs it as it is.
    toolchain.programs.rustup = None;
    // Not `eprintln!`, which the test runner shows of failures only.
    let mut say = |step: &str| writeln!(stderr(), "{step}").expect("stderr can be written");
    match toolchain.target(folder, &mut say) {
        Ok(target) => Ok((toolchain, target)),
        Err(why @ (TargetError::Unavailable { .. } | TargetError::NoCompiler(_))) => Err(why.to_string()),
        Err(other) => panic!("{other}"),
    }
}
