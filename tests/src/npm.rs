//! Packages of npm, as a lock pins them.

use std::fs;
use std::path::Path;

use crate::guest::{program, run};

/// Makes the folder `into`, with the packages that `package.json` and `package-lock.json` in `folder` name. No script of
/// theirs is run.
///
/// # Errors
/// When there is no npm here, or it cannot get them.
pub fn npm_ci(folder: &Path, into: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    fs::create_dir(into).map_err(failed)?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(folder.join(file), into.join(file)).map_err(failed)?;
    }
    run(program("npm", into).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]))
}
