//! The user's login, brought into a `CODEX_HOME` of its own that has none: once, so that a logout there stays one.
//!
//! What is copied is one file, from `~/.codex`, as it is. Nothing of it is read by us, told or kept.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use crate::claim::real;
use crate::replace::replace;

/// The file that a login leaves.
pub(crate) const AUTH_FILE: &str = "auth.json";
/// The largest such file.
const AUTH_BYTES_MAX: u64 = 1024 * 1024;

/// Brings the login of the user whose home folder is `user_home` to `codex_home`, unless that is the user's own, has one,
/// or once had one from here: then there is `marker`. True when it was brought.
///
/// # Errors
/// When a file cannot be read or written.
pub(crate) fn bring(user_home: &Path, codex_home: &Path, marker: &Path) -> io::Result<bool> {
    let theirs = user_home.join(".codex");
    let target = codex_home.join(AUTH_FILE);
    if real(&theirs) == real(codex_home) || is_there(&target) || is_there(marker) {
        return Ok(false);
    }
    let Some(login) = read(&theirs.join(AUTH_FILE))? else { return Ok(false) };
    replace(marker, &codex_home.display().to_string())?;
    replace(&target, login.trim_end())?;
    Ok(true)
}

/// A link counts, wherever it leads.
fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// What is in the file, if it is one, and no link.
fn read(path: &Path) -> io::Result<Option<String>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).expect("the system's flags fit its own type");
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut text = String::new();
    file.take(AUTH_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > AUTH_BYTES_MAX {
        return Err(io::Error::other("it is larger than a login may be"));
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;

    const LOGIN: &str = "{\"tokens\":\"canary\"}";

    struct Folders {
        root: TempDir,
    }

    impl Folders {
        fn new() -> Self {
            let folders = Self { root: tempfile::tempdir().unwrap() };
            for folder in [folders.at("user/.codex"), folders.at("codex-home")] {
                fs::create_dir_all(folder).unwrap();
            }
            fs::write(folders.at("user/.codex/auth.json"), LOGIN).unwrap();
            folders
        }

        fn at(&self, name: &str) -> PathBuf {
            self.root.path().join(name)
        }

        fn bring(&self) -> io::Result<bool> {
            bring(&self.at("user"), &self.at("codex-home"), &self.at("marker"))
        }
    }

    #[test]
    fn a_login_is_brought_once_for_this_user_alone() {
        let folders = Folders::new();
        assert!(folders.bring().unwrap());
        let target = folders.at("codex-home/auth.json");
        assert_eq!(fs::read_to_string(&target).unwrap().trim(), LOGIN);
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!folders.bring().unwrap(), "there is one");
        fs::remove_file(&target).unwrap();
        assert!(!folders.bring().unwrap(), "whoever logged out stays so");
        assert!(!fs::read_to_string(folders.at("marker")).unwrap().contains("canary"));
    }

    #[test]
    fn one_that_is_there_or_nowhere_is_left_alone() {
        let folders = Folders::new();
        fs::write(folders.at("codex-home/auth.json"), "mine").unwrap();
        assert!(!folders.bring().unwrap());
        assert_eq!(fs::read_to_string(folders.at("codex-home/auth.json")).unwrap(), "mine");
        let folders = Folders::new();
        fs::remove_file(folders.at("user/.codex/auth.json")).unwrap();
        assert!(!folders.bring().unwrap());
        assert!(!folders.at("marker").exists(), "there may be one later");
    }

    #[test]
    fn the_users_own_folder_needs_none() {
        let folders = Folders::new();
        fs::remove_dir(folders.at("codex-home")).unwrap();
        symlink(folders.at("user/.codex"), folders.at("codex-home")).unwrap();
        fs::rename(folders.at("user/.codex/auth.json"), folders.at("elsewhere")).unwrap();
        symlink(folders.at("elsewhere"), folders.at("user/.codex/auth.json")).unwrap();
        assert!(!folders.bring().unwrap());
    }

    #[test]
    fn links_are_not_followed() {
        let folders = Folders::new();
        fs::write(folders.at("precious"), "precious").unwrap();
        fs::remove_file(folders.at("user/.codex/auth.json")).unwrap();
        symlink(folders.at("precious"), folders.at("user/.codex/auth.json")).unwrap();
        assert!(folders.bring().is_err());
        assert!(!folders.at("codex-home/auth.json").exists());
        let folders = Folders::new();
        symlink(folders.at("precious"), folders.at("codex-home/auth.json")).unwrap();
        assert!(!folders.bring().unwrap());
        assert!(!folders.at("precious").exists());
    }
}
