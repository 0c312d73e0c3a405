//! Whether a folder or a program is still the one that it was.
//!
//! A path is only a name, and whoever may write to the folder above can give that name to something else. What must not
//! be mistaken for another is therefore remembered by what the file system knows of it, and held open: a number that is
//! in use is given to nobody else. This notices, it prevents nothing; see `mounts` for that.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};

/// What a name led to when it was looked at first.
#[derive(Debug)]
pub(crate) struct Identity {
    path: PathBuf,
    /// Where the name led, without links.
    real: PathBuf,
    kind: Kind,
    marks: Marks,
    /// Keeps the inode's number from being used again.
    _held: File,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Folder,
    Program,
}

/// What tells it from others.
#[derive(Debug, PartialEq, Eq)]
struct Marks {
    device: u64,
    inode: u64,
    /// Of a program also the size and the times of its last changes; a folder's change with every file in it.
    content: Option<[i64; 5]>,
}

impl Identity {
    /// Remembers a folder.
    pub(crate) fn folder(path: &Path) -> io::Result<Self> {
        Self::of(path, Kind::Folder)
    }

    /// Remembers a program.
    pub(crate) fn program(path: &Path) -> io::Result<Self> {
        Self::of(path, Kind::Program)
    }

    /// Looks again. The error says, for people, what is different and what to do.
    pub(crate) fn check(&self) -> Result<(), String> {
        let same = fs::canonicalize(&self.path).is_ok_and(|real| real == self.real)
            && fs::metadata(&self.real).is_ok_and(|found| Marks::of(&found, self.kind) == self.marks);
        let path = self.path.display();
        match self.kind {
            _ if same => Ok(()),
            Kind::Folder => Err(format!(
                "the folder {path} is no longer the one that was there at the start: it was moved or replaced, maybe by \
                 a command of a turn; look at it and at what lies beside it, put it right, then restart the daemon"
            )),
            Kind::Program => Err(format!(
                "the program {path} is no longer the one that was there at the start: if you have upgraded it, restart \
                 the daemon; if not, look at it first, since a command of a turn may have replaced it"
            )),
        }
    }

    fn of(path: &Path, kind: Kind) -> io::Result<Self> {
        let real = fs::canonicalize(path)?;
        // Only a handle: the right to read it is not needed.
        let held = File::from(open(&real, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?);
        let marks = Marks::of(&held.metadata()?, kind);
        Ok(Self { path: path.to_owned(), real, kind, marks, _held: held })
    }
}

impl Marks {
    fn of(found: &Metadata, kind: Kind) -> Self {
        let content = || {
            let size = found.size().cast_signed();
            [size, found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()]
        };
        Self { device: found.dev(), inode: found.ino(), content: (kind == Kind::Program).then(content) }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_stays_the_same_whatever_happens_inside() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/data");
        fs::create_dir_all(&folder).unwrap();
        let identity = Identity::folder(&folder).unwrap();
        fs::write(folder.join("file"), "x").unwrap();
        assert_eq!(identity.check(), Ok(()));
    }

    #[test]
    fn a_stand_in_and_a_link_in_its_place_are_noticed() {
        let root = tempfile::tempdir().unwrap();
        let (outer, moved) = (root.path().join("a"), root.path().join("b"));
        let folder = outer.join("data");
        fs::create_dir_all(&folder).unwrap();
        let identity = Identity::folder(&folder).unwrap();
        fs::rename(&outer, &moved).unwrap();
        let reason = identity.check().unwrap_err();
        assert!(reason.contains(folder.to_str().unwrap()) && reason.contains("restart the daemon"), "{reason}");
        fs::create_dir_all(&folder).unwrap();
        assert!(identity.check().is_err());
        fs::remove_dir_all(&outer).unwrap();
        symlink(&moved, &outer).unwrap();
        assert!(identity.check().is_err());
        fs::remove_file(&outer).unwrap();
        fs::rename(&moved, &outer).unwrap();
        assert_eq!(identity.check(), Ok(()));
    }

    #[test]
    fn a_program_that_was_replaced_or_written_to_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let (program, other, link) = (root.path().join("p"), root.path().join("o"), root.path().join("link"));
        fs::write(&program, "same").unwrap();
        fs::write(&other, "same").unwrap();
        symlink(&program, &link).unwrap();
        let (identity, by_link) = (Identity::program(&program).unwrap(), Identity::program(&link).unwrap());
        assert_eq!((identity.check(), by_link.check()), (Ok(()), Ok(())));
        fs::remove_file(&link).unwrap();
        symlink(&other, &link).unwrap();
        assert!(by_link.check().is_err());
        // The same length and the time set back; only the inode's own time cannot be.
        let modified = fs::metadata(&program).unwrap().modified().unwrap();
        fs::write(&program, "evil").unwrap();
        File::options().write(true).open(&program).unwrap().set_modified(modified).unwrap();
        let reason = identity.check().unwrap_err();
        assert!(reason.contains("upgraded") && reason.contains("restart"), "{reason}");
    }
}
