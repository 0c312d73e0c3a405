//! Builds the gardener from its source, drops it into a folder, and lets a day pass.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use codex_manager_extension_build::Toolchain;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let guest = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest");
    let scratch = tempfile::tempdir()?;
    let drop = scratch.path().join("drops/gardener");
    fs::create_dir_all(&drop)?;
    fs::copy(guest.join("extension.toml"), drop.join("extension.toml"))?;

    let toolchain = Toolchain::new(tools());
    let target = toolchain.target(&guest, &mut |step| eprintln!("{step}"))?;
    toolchain.build(&guest, &target, &drop.join("gardener.wasm"))?;

    for line in codex_manager_example_embed::day(scratch.path().join("drops"), &scratch.path().join("data")).await? {
        println!("{line}");
    }
    Ok(())
}

/// Where a standard library for guests is kept, if the toolchain has none.
fn tools() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools");
    std::env::var_os("CODEX_MANAGER_TOOLS_DIR").map_or_else(beside, PathBuf::from)
}
