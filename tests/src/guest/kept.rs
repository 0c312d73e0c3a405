//! What is expensive to make, kept in the tools folder between runs: under a name that says what it was made of, so that
//! nothing of another version or another source is ever taken for it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use codex_manager_extension::Digest;
use tempfile::TempDir;

/// A file or folder called `name`, the version of it that was made of `parts`. `make` makes it in an empty folder, at the
/// path that it is given, where it is not there yet; whoever else makes one of this name meanwhile is waited for.
///
/// # Errors
/// Those of `make`; nothing is kept then.
pub fn kept(name: &str, parts: &[&[u8]], make: impl FnOnce(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
    let tools = super::tools()?;
    let failed = |error: std::io::Error| format!("{}: {error}", tools.display());
    let digests: Vec<String> = parts.iter().map(|part| Digest::of(part).hex()).collect();
    let place = tools.join(format!("{name}-{}", &Digest::of(digests.concat().as_bytes()).hex()[..16]));
    fs::create_dir_all(&tools).map_err(failed)?;
    let turn = File::create(tools.join(format!(".{name}.lock"))).map_err(failed)?;
    turn.lock().map_err(failed)?;
    if place.exists() {
        return Ok(place);
    }
    let work = TempDir::with_prefix_in(format!(".{name}-"), &tools).map_err(failed)?;
    let made = work.path().join("made");
    make(&made)?;
    fs::rename(made, &place).map_err(failed)?;
    Ok(place)
}

/// Puts the packages and a guest's own world, which lies beside its source, into a folder as the tools expect it.
pub(super) fn lay_world(folder: &Path, into: &Path) -> std::io::Result<()> {
    fs::create_dir_all(into)?;
    fs::copy(folder.join("world.wit"), into.join("world.wit"))?;
    for package in packages()? {
        let to = into.join("deps").join(package.file_name().expect("a package's folder has a name"));
        fs::create_dir_all(&to)?;
        for file in package.read_dir()? {
            let file = file?;
            fs::copy(file.path(), to.join(file.file_name()))?;
        }
    }
    Ok(())
}

fn packages() -> std::io::Result<Vec<PathBuf>> {
    let entries = super::wit().read_dir()?.collect::<Result<Vec<_>, _>>()?;
    Ok(entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}
