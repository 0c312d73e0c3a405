//! Which file `codex` is.
//!
//! The npm package's `codex` is a JavaScript launcher that starts a native binary and stands between us and it. It costs
//! 150 ms and a Node process, swallows signals, and hides where the binary's own resources lie; so the binary is started
//! in its place. Anything else is started as it is named, since a version manager's link decides by its name what to run.

use std::env::consts::ARCH;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The file to start for `program`, absolute. The error is a sentence for people.
pub(crate) fn find(program: &Path, search_path: Option<&OsStr>) -> Result<PathBuf, String> {
    let named = if program.components().count() > 1 {
        std::path::absolute(program).map_err(|error| format!("{} is no path: {error}", program.display()))?
    } else {
        on_path(program, search_path)
            .ok_or_else(|| format!("{} was not found on PATH; install it, or give its path", program.display()))?
    };
    if !named.exists() {
        return Err(format!("{} does not exist; install Codex, or give another path", named.display()));
    }
    if !is_executable(&named) {
        return Err(format!("{} is not an executable file", named.display()));
    }
    Ok(native_behind(&named).unwrap_or(named))
}

/// The first executable file of this name on `PATH`.
pub(crate) fn on_path(name: &Path, search_path: Option<&OsStr>) -> Option<PathBuf> {
    let folders = std::env::split_paths(search_path?);
    folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join(name)).find(|file| is_executable(file))
}

/// The native binary that the launcher `file` of the npm package would start, if it is one and the binary is there.
fn native_behind(file: &Path) -> Option<PathBuf> {
    let launcher = fs::canonicalize(file).ok()?;
    let package = launcher.parent()?.parent()?;
    if launcher.extension()? != "js" || !package.ends_with("@openai/codex") {
        return None;
    }
    let (platform, target) = match ARCH {
        "x86_64" => ("codex-linux-x64", "x86_64-unknown-linux-musl"),
        "aarch64" => ("codex-linux-arm64", "aarch64-unknown-linux-musl"),
        _ => return None,
    };
    let beside = package.parent()?.join(platform);
    let nested = package.join("node_modules/@openai").join(platform);
    let binaries = [nested, beside, package.to_owned()].map(|root| root.join("vendor").join(target).join("bin/codex"));
    binaries.into_iter().find(|binary| is_executable(binary))
}

/// Whether `file` is a file that somebody may execute.
pub(crate) fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn executable(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn platform() -> (&'static str, &'static str) {
        if ARCH == "aarch64" {
            ("codex-linux-arm64", "aarch64-unknown-linux-musl")
        } else {
            ("codex-linux-x64", "x86_64-unknown-linux-musl")
        }
    }

    #[test]
    fn a_bare_name_is_looked_for_on_path_and_a_path_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let codex = folder.path().join("bin/codex");
        executable(&codex);
        let path = std::env::join_paths([folder.path(), codex.parent().unwrap()]).unwrap();
        assert_eq!(find(Path::new("codex"), Some(&path)), Ok(codex.clone()));
        assert_eq!(find(&codex, None), Ok(codex.clone()));
        assert!(find(Path::new("codex"), None).unwrap_err().contains("PATH"));
        assert!(find(&folder.path().join("codex"), Some(&path)).unwrap_err().contains("does not exist"));
        assert!(find(folder.path(), None).unwrap_err().contains("not an executable"));
    }

    #[test]
    fn the_npm_launcher_is_followed_to_its_binary() {
        let (platform, target) = platform();
        let folder = tempfile::tempdir().unwrap();
        let scope = folder.path().canonicalize().unwrap().join("node_modules/@openai");
        let launcher = scope.join("codex/bin/codex.js");
        executable(&launcher);
        let link = folder.path().join("codex");
        std::os::unix::fs::symlink(&launcher, &link).unwrap();
        assert_eq!(find(&link, None), Ok(link.clone()));
        for root in [scope.join(platform), scope.join("codex/node_modules/@openai").join(platform)] {
            let binary = root.join("vendor").join(target).join("bin/codex");
            executable(&binary);
            assert_eq!(find(&link, None), Ok(binary));
        }
    }
}
