//! A private sysroot: the standard library, built from its source for one compiler.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::compiler::{Compiler, has_standard_library};
use crate::distribution::{PackageError, Sources, fetch};
use crate::run::{RunError, run};
use crate::{TARGET, Toolchain, origin};

/// What of the C library goes along.
const C_FILES: [&str; 3] = ["libc.a", "crt1-command.o", "crt1-reactor.o"];

/// Why there is no sysroot.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SysrootError {
    #[error(transparent)]
    Package(#[from] PackageError),
    #[error("its source does not build: {0}")]
    Build(#[source] RunError),
    #[error("its source was built, but no standard library came of it")]
    Empty,
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Makes the sysroot of `compiler` at `sysroot`, which comes into being whole or not at all.
pub(crate) fn make(
    toolchain: &Toolchain,
    compiler: &Compiler,
    sysroot: &Path,
    say: &mut dyn FnMut(&str),
) -> Result<(), SysrootError> {
    let home = sysroot.parent().unwrap_or(sysroot);
    let work = tempfile::Builder::new().prefix("making-").tempdir_in(home)?;
    let sources = fetch(toolchain.programs.apt.as_ref(), &compiler.release, work.path(), say)?;
    say("building the standard library, which takes about half a minute");
    let libraries = build(toolchain, compiler, &sources, work.path())?;
    let made = work.path().join("sysroot");
    gather(&libraries, &sources.libc, &made.join("lib/rustlib").join(TARGET).join("lib"))?;
    fs::rename(made, sysroot)?;
    Ok(())
}

/// Builds the standard library by way of a crate that has nothing else in it; the folder with the libraries.
fn build(toolchain: &Toolchain, compiler: &Compiler, sources: &Sources, work: &Path) -> Result<PathBuf, SysrootError> {
    let carrier = work.join("carrier");
    fs::create_dir(&carrier)?;
    fs::write(
        carrier.join("Cargo.toml"),
        "[package]\nname = \"carrier\"\nedition = \"2024\"\n[lib]\npath = \"lib.rs\"\ncrate-type = [\"cdylib\"]\n[workspace]\n",
    )?;
    fs::write(carrier.join("lib.rs"), "")?;
    // What the compiler's own libraries call their sources, whose folder is gone when this is done.
    let source = sources.library.parent().unwrap_or(&sources.library);
    let mut flags: Vec<_> = origin::cargo_home().iter().map(|(home, name)| origin::called(home, name)).collect();
    flags.push(origin::called(source, &compiler.sources));
    flags.push(format!("-L{}", sources.libc.display()));
    // Bitcode, or guests cannot be built with `lto`.
    flags.extend(["-Clink-self-contained=no", "-Cembed-bitcode=yes"].map(str::to_owned));
    let target = work.join("target");
    let mut command = Command::new(&toolchain.programs.cargo);
    command
        .args(["build", "--release", "-Zbuild-std=std,panic_abort", "--target", TARGET, "--target-dir"])
        .arg(&target)
        .current_dir(&carrier)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC_WRAPPER", origin::compile(&toolchain.tools)?)
        .env("__CARGO_TESTS_ONLY_SRC_ROOT", &sources.library)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    run(&mut command).map_err(SysrootError::Build)?;
    Ok(target.join(TARGET).join("release/deps"))
}

/// Copies what belongs into a sysroot to `into`.
fn gather(libraries: &Path, libc: &Path, into: &Path) -> Result<(), SysrootError> {
    let c = into.join("self-contained");
    fs::create_dir_all(&c)?;
    for entry in libraries.read_dir()? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "rlib") {
            fs::copy(&path, into.join(path.file_name().unwrap_or_default()))?;
        }
    }
    for file in C_FILES {
        fs::copy(libc.join(file), c.join(file))?;
    }
    if has_standard_library(into) { Ok(()) } else { Err(SysrootError::Empty) }
}
