//! The folders: there, ours, and with room.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};
use rustix::process::geteuid;

use super::super::failure::{Exit, Failure};
use super::check::{Check, State};
use crate::claim::Claim;
use crate::paths::Paths;
use crate::shell::word;

/// Below this much room a daemon will soon stand still.
const SPACE_BYTES_MIN: u64 = 100_000_000;
/// Below this much room it is time to look.
const SPACE_BYTES_LOW: u64 = 1_000_000_000;
/// The right to write of anybody but the owner.
const WRITE_OF_OTHERS: u32 = 0o022;
/// Any right of anybody but the owner.
const ANY_OF_OTHERS: u32 = 0o077;

/// The data folder can be written to, by its owner alone, and is not somebody else's.
pub(super) fn data(paths: &Paths) -> Check {
    const NEXT: &str = "name another folder in --data-dir or DATA_DIR";
    let (path, check) = (paths.data.path(), usable("data folder", paths.data.path(), NEXT));
    let check = match fs::metadata(path) {
        Ok(found) if check.state == State::Ok => exposed(&check, found.permissions().mode() & 0o777).unwrap_or(check),
        _ => check,
    };
    match Claim::on(paths).check() {
        Err(refused) if check.state != State::Fail => {
            Check::fail(check.name, Failure::because(Exit::Failed, &refused).to_string(), NEXT)
        }
        _ => check,
    }
}

/// Codex's home can be written to. Who else may read it is Codex's affair.
pub(super) fn codex_home(path: &Path) -> Check {
    usable("codex home", path, "name another folder in --codex-home or CODEX_HOME")
}

/// What is missing could be fetched.
pub(super) fn tools(path: &Path) -> Check {
    const NAME: &str = "tools folder";
    if is_writable(&existing(path)) {
        return Check::ok(NAME, path.display().to_string());
    }
    let next = "name a folder that you can write to in CODEX_MANAGER_TOOLS_DIR";
    Check::warn(NAME, format!("{} cannot be written to, so nothing can be fetched", path.display()), next)
}

/// The disk of the data folder has room.
pub(super) fn space(data: &Path) -> Check {
    const NAME: &str = "disk";
    let next = "make room on the disk that holds the data folder";
    match statvfs(existing(data)) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let message = format!("{} MB free", free / 1_000_000);
            if free < SPACE_BYTES_MIN {
                Check::fail(NAME, message, next)
            } else if free < SPACE_BYTES_LOW {
                Check::warn(NAME, message, next)
            } else {
                Check::ok(NAME, message)
            }
        }
        Err(error) => Check::warn(NAME, format!("nobody knows how much is free: {error}"), next),
    }
}

fn usable(name: &'static str, path: &Path, elsewhere: &str) -> Check {
    let shown = path.display();
    let Ok(found) = fs::metadata(path) else {
        let parent = existing(path);
        return if parent.is_dir() && is_writable(&parent) {
            Check::ok(name, format!("{shown} is not there yet; it is made at the first start"))
        } else {
            Check::fail(name, format!("{shown} is not there and cannot be made in {}", parent.display()), elsewhere)
        };
    };
    if !found.is_dir() {
        return Check::fail(name, format!("{shown} is not a folder"), elsewhere);
    }
    if !is_writable(path) {
        return Check::fail(name, format!("{shown} cannot be written to"), elsewhere);
    }
    if found.uid() != geteuid().as_raw() {
        return Check::warn(name, format!("{shown} belongs to user {}", found.uid()), elsewhere);
    }
    Check::ok(name, shown.to_string())
}

/// The store refuses a folder that others can write to; one that they can read gives only its names away.
fn exposed(folder: &Check, mode: u32) -> Option<Check> {
    let (name, shown) = (folder.name, &folder.message);
    let next = format!("chmod 700 {}", word(Path::new(shown)));
    if mode & WRITE_OF_OTHERS != 0 {
        return Some(Check::fail(name, format!("{shown} can be written to by others (mode {mode:03o})"), next));
    }
    (mode & ANY_OF_OTHERS != 0).then(|| Check::warn(name, format!("{shown} is open to others (mode {mode:03o})"), next))
}

/// The path itself, or the nearest folder above that is there.
fn existing(path: &Path) -> PathBuf {
    path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/")).to_owned()
}

fn is_writable(path: &Path) -> bool {
    access(path, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;
    use crate::paths::DataFolder;

    fn paths(data: &Path) -> Paths {
        Paths { data: DataFolder::new(data), codex_home: "/nowhere/codex".into(), tools: "/nowhere/tools".into() }
    }

    #[test]
    fn a_folder_is_looked_at_and_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let missing = paths(&folder.path().join("not/yet"));
        assert_eq!(data(&missing).state, State::Ok);
        assert!(!missing.data.path().exists());
    }

    #[test]
    fn a_folder_with_other_things_in_it_fails() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("letter"), "").unwrap();
        let check = data(&paths(folder.path()));
        assert_eq!(check.state, State::Fail);
        assert!(check.message.contains("nothing of codex-manager"), "{}", check.message);
    }

    #[test]
    fn rights_of_others_are_told_with_what_takes_them_away() {
        let folder = tempfile::tempdir().unwrap();
        for (mode, state) in [(0o700, State::Ok), (0o755, State::Warn), (0o770, State::Fail)] {
            fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
            let check = data(&paths(folder.path()));
            assert_eq!(check.state, state, "{mode:o}");
            assert_eq!(check.next.is_some_and(|next| next.starts_with("chmod 700 /")), state != State::Ok, "{mode:o}");
        }
    }

    #[test]
    fn a_file_in_the_place_of_a_folder_fails() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(codex_home(file.path()).state, State::Fail);
        assert_eq!(codex_home(&file.path().join("below")).state, State::Fail);
    }
}
