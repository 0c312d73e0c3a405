//! The user's compiler: which one it is, and where its libraries lie.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{RunError, run};
use crate::{TARGET, Toolchain};

/// Counts the changes in how a sysroot is made: one that was made otherwise is not used.
const RECIPE: u32 = 2;

/// A compiler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Compiler {
    /// Its version: `1.95.0`.
    pub(crate) release: String,
    /// Names this compiler and no other: libraries that another one built are of no use to it.
    pub(crate) key: String,
    /// What its standard library's sources are called in whatever it builds.
    pub(crate) sources: String,
    /// Where its libraries for the target belong; they may not be there.
    libraries: PathBuf,
}

impl Compiler {
    /// Asks the compiler that builds what lies in `folder`.
    pub(crate) fn ask(toolchain: &Toolchain, folder: &Path) -> Result<Self, RunError> {
        let rustc = || {
            let mut command = Command::new(&toolchain.programs.rustc);
            command.current_dir(folder);
            command
        };
        let version = run(rustc().arg("-vV"))?;
        let line = |name: &str| version.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
        let (release, commit) = (line("release:"), line("commit-hash:"));
        let libraries = run(rustc().args(["--print", "target-libdir", "--target", TARGET]))?;
        Ok(Self {
            release: release.to_owned(),
            key: format!("{release}-{}-{RECIPE}", commit.get(..9).unwrap_or(commit)),
            sources: format!("/rustc/{commit}"),
            libraries: PathBuf::from(libraries.trim()),
        })
    }

    /// Whether the target's standard library is there.
    pub(crate) fn has_target(&self) -> bool {
        has_standard_library(&self.libraries)
    }
}

/// Whether `libraries` holds a standard library.
pub(crate) fn has_standard_library(libraries: &Path) -> bool {
    let Ok(entries) = libraries.read_dir() else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with("libstd-") && Path::new(&name).extension().is_some_and(|end| end == "rlib")
    })
}
