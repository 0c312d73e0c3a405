//! Whether this user, and so a command of a turn, could put something else in the place of a program.
//!
//! Whoever can write to a program's file, or to any folder that its path goes through, can. A contained child sees the
//! files read-only and the daemon compares them before each start, so this is about what happens while none runs.

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::process::Uid;

use super::check::Check;

/// In a folder with this bit nobody renames what belongs to others.
const STICKY: u32 = 0o1000;

/// A warning where `user` can replace one of the programs. Nothing is said to root, who can do that anywhere.
pub(super) fn check<'a>(programs: impl IntoIterator<Item = &'a Path>, user: Uid) -> Option<Check> {
    if user.is_root() {
        return None;
    }
    let told: Vec<String> = programs.into_iter().filter_map(|program| tell(program, user)).collect();
    let message = format!(
        "{}; a daemon notices that while it runs, the next one does not, and starts it outside of its containment",
        told.join(", ")
    );
    let next = "install codex and bubblewrap where only root can write, or keep full-access turns to those you trust";
    (!told.is_empty()).then(|| Check::warn("programs", message, next))
}

fn tell(program: &Path, user: Uid) -> Option<String> {
    let real = fs::canonicalize(program).ok()?;
    let writable = outermost_writable(&real, user)?;
    Some(format!("this user can replace {}, since {} is writable", program.display(), writable.display()))
}

/// The outermost folder on the way to `file`, or the file itself, that `user` can write to.
fn outermost_writable(file: &Path, user: Uid) -> Option<PathBuf> {
    let way: Vec<&Path> = file.ancestors().collect();
    let is_writable = |path: &&&Path| fs::metadata(path).is_ok_and(|found| may_write(path, &found, user));
    way.iter().rev().find(is_writable).map(|path| path.to_path_buf())
}

/// Its owner can, whatever the mode says now.
fn may_write(path: &Path, found: &Metadata, user: Uid) -> bool {
    let is_shared = found.is_dir() && found.permissions().mode() & STICKY != 0;
    found.uid() == user.as_raw() || (!is_shared && access(path, Access::WRITE_OK).is_ok())
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use rustix::process::geteuid;

    use super::super::check::State;
    use super::*;

    #[test]
    fn a_program_in_a_folder_of_the_users_own_is_told_with_the_outermost_such_folder() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().canonicalize().unwrap().join("bin/codex");
        fs::create_dir(program.parent().unwrap()).unwrap();
        fs::write(&program, "").unwrap();
        let writable = outermost_writable(&program, geteuid()).unwrap();
        assert!(program.starts_with(&writable) && writable.is_dir(), "{writable:?}");
        if geteuid().is_root() {
            assert_eq!(check([program.as_path()], geteuid()), None);
        } else {
            let found = check([program.as_path()], geteuid()).unwrap();
            assert!(found.state == State::Warn && found.message.contains(program.to_str().unwrap()), "{found:?}");
            assert_eq!(check([Path::new("/bin/sh")], geteuid()), None);
        }
    }

    #[test]
    fn what_belongs_to_others_is_safe_in_a_shared_folder() {
        let folder = tempfile::tempdir().unwrap();
        let somebody = Uid::from_raw(geteuid().as_raw().wrapping_add(1));
        for (mode, writable) in [(0o1777, false), (0o777, true)] {
            fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
            let found = fs::metadata(folder.path()).unwrap();
            assert_eq!(may_write(folder.path(), &found, somebody), writable, "{mode:o}");
        }
    }
}
