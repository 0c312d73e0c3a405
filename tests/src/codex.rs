//! The real Codex, found as the daemon finds it.

use std::path::PathBuf;
use std::sync::OnceLock;

use codex_manager::paths::{Given, Paths};
use codex_manager::tools::{Codex, Progress};

/// The real Codex: `CODEX_BIN`, else `codex` on `PATH`, else the tools folder, into which it is fetched when it is
/// missing. `Err` says why there is none, for [`skip!`](crate::skip).
///
/// # Errors
/// When it is missing and cannot be fetched.
///
/// # Panics
/// When `CODEX_BIN` names what cannot be run: that is a mistake, and no reason to skip.
pub fn codex() -> Result<PathBuf, String> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FOUND.get_or_init(find).clone()
}

fn find() -> Result<PathBuf, String> {
    let given = std::env::var_os("CODEX_BIN").filter(|path| !path.is_empty()).map(PathBuf::from);
    let paths = Paths::find(Given::default()).map_err(|error| error.to_string())?;
    match Codex::new(given, paths.tools).find_or_fetch(&Progress::Lines) {
        Ok(tool) => Ok(tool.path),
        Err(error) if error.is_absence() => Err(format!("there is no real codex: {error}")),
        Err(error) => panic!("CODEX_BIN: {error}"),
    }
}
