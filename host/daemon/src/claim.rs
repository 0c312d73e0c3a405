//! Claiming the folders: looked at before anything is written, made where they are missing, and locked for one daemon.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use codex_manager_store::{Config, Lock, LockError, LockHolder};

use crate::paths::{DataFolder, Paths};
use crate::start_error::StartError;

/// The lock that lies in a `CODEX_HOME` while a daemon works on it.
const CODEX_HOME_LOCK: &str = ".codex-manager.lock";
/// What a folder may hold that no daemon has worked on: what is made before a first start, and what a file system keeps
/// at its root.
const NOBODYS: [&str; 7] = ["address", "config.toml", "demo", "logs", "lost+found", "socket", "token"];

/// The folders that a daemon asks for.
pub(crate) struct Claim<'a> {
    /// The data folder.
    pub(crate) data: DataFolder,
    /// The `CODEX_HOME` of its child, if it is told one.
    pub(crate) codex_home: Option<&'a Path>,
    /// The folder of fetched tools.
    pub(crate) tools: Option<&'a Path>,
}

impl<'a> Claim<'a> {
    /// All that the paths name.
    pub(crate) fn on(paths: &'a Paths) -> Self {
        Self { data: paths.data.clone(), codex_home: Some(&paths.codex_home), tools: Some(&paths.tools) }
    }

    /// Looks whether the folders will do, and changes nothing.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let path = self.data.path();
        if self.codex_home.is_some_and(|home| real(home) == real(path)) {
            return Err(StartError::SameFolder { path: path.to_owned() });
        }
        let store = Config { folder: path.to_owned(), size_bytes_max: None };
        store.check().map_err(StartError::Store)?;
        let ours = [store.file(), self.data.lock()].iter().any(|file| is_file(file));
        match ours || self.is_free().map_err(|source| StartError::Folder { path: path.to_owned(), source })? {
            true => Ok(()),
            false => Err(StartError::NotEmpty { path: path.to_owned() }),
        }
    }

    /// Takes the data folder alone, for whoever works on the store and starts no child.
    pub(crate) fn take_data(&self, holder: &LockHolder) -> Result<Lock, StartError> {
        self.check()?;
        make_folder(self.data.path())?;
        take_lock(&self.data.lock(), holder)
    }

    /// Takes both folders: one daemon for a data folder, and one for a `CODEX_HOME`.
    pub(crate) fn take(&self, holder: &LockHolder) -> Result<Vec<Lock>, StartError> {
        let mut locks = vec![self.take_data(holder)?];
        if let Some(home) = self.codex_home {
            make_folder(home)?;
            locks.push(take_lock(&home.join(CODEX_HOME_LOCK), holder)?);
        }
        Ok(locks)
    }

    /// Whether the data folder is missing, or holds nothing that somebody else has put there.
    fn is_free(&self) -> io::Result<bool> {
        let entries = match fs::read_dir(self.data.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let leads_to = |folder: &Path| real(folder).starts_with(real(&entry.path()));
            let known = NOBODYS.iter().any(|name| entry.file_name() == OsStr::new(name));
            if !known && !self.codex_home.is_some_and(leads_to) && !self.tools.is_some_and(leads_to) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn is_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_file())
}

fn make_folder(path: &Path) -> Result<(), StartError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| StartError::Folder { path: path.to_owned(), source })
}

fn take_lock(path: &Path, holder: &LockHolder) -> Result<Lock, StartError> {
    Lock::take(path, holder).map_err(|refused| match refused {
        held @ LockError::Held { .. } => StartError::Locked(held),
        LockError::NotAFile { path } => StartError::File { path, source: io::Error::other("it is not a regular file") },
        LockError::Io { source, .. } => StartError::Folder { path: path.parent().unwrap_or(path).to_owned(), source },
    })
}

/// The path without links, as far as it is there.
pub(crate) fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    match there {
        Some((above, real)) => path.strip_prefix(above).map_or(real.clone(), |rest| real.join(rest)),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    const ME: LockHolder = LockHolder { pid: 7, address: None };

    fn folder() -> TempDir {
        tempfile::tempdir().unwrap()
    }

    fn claim(data: &Path) -> Claim<'_> {
        Claim { data: DataFolder::new(data), codex_home: None, tools: None }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_that_holds_somebody_elses_things_is_refused_and_left_alone() {
        let theirs = folder();
        fs::write(theirs.path().join("letter"), "").unwrap();
        fs::create_dir(theirs.path().join("lock")).unwrap();
        let refused = claim(theirs.path()).take_data(&ME).unwrap_err();
        assert!(matches!(&refused, StartError::NotEmpty { path } if path == theirs.path()), "{refused:?}");
        assert!(refused.to_string().contains("--data-dir"), "{refused}");
        assert_eq!(names(theirs.path()), ["letter", "lock"]);
        assert!(matches!(claim(Path::new("/")).check(), Err(StartError::NotEmpty { .. } | StartError::Store(_))));
    }

    #[test]
    fn a_folder_that_is_new_or_ours_is_taken_whatever_else_lies_in_it() {
        let parent = folder();
        let data = parent.path().join("new");
        drop(claim(&data).take_data(&ME).unwrap());
        fs::write(data.join("note"), "").unwrap();
        drop(claim(&data).take_data(&ME).unwrap());
        fs::remove_file(data.join("lock")).unwrap();
        assert!(matches!(claim(&data).check(), Err(StartError::NotEmpty { .. })));
        fs::remove_file(data.join("note")).unwrap();
        fs::create_dir(data.join("demo")).unwrap();
        claim(&data).check().unwrap();
    }

    #[test]
    fn the_other_folders_may_lie_in_the_data_folder_and_not_be_it() {
        let data = folder();
        let (home, tools) = (data.path().join("codex/home"), data.path().join("tools"));
        fs::create_dir_all(&home).unwrap();
        fs::create_dir(&tools).unwrap();
        let both = Claim { codex_home: Some(&home), tools: Some(&tools), ..claim(data.path()) };
        assert!(matches!(claim(data.path()).check(), Err(StartError::NotEmpty { .. })));
        both.check().unwrap();

        let elsewhere = folder();
        let link = elsewhere.path().join("link");
        symlink(data.path(), &link).unwrap();
        let missing = data.path().join("missing");
        for (data, home) in [(data.path(), &link), (&missing, &link.join("missing"))] {
            let same = Claim { codex_home: Some(home), ..claim(data) };
            assert!(matches!(same.take(&ME), Err(StartError::SameFolder { .. })), "{}", home.display());
        }
        assert_eq!(names(data.path()), ["codex", "tools"]);
    }

    #[test]
    fn what_is_held_is_told_apart_from_what_cannot_be_used() {
        let (data, home) = (folder(), folder());
        let both = Claim { codex_home: Some(home.path()), ..claim(data.path()) };
        let locks = both.take(&ME).unwrap();
        assert!(matches!(both.take(&ME), Err(StartError::Locked(_))));
        let other = folder();
        let same_home = Claim { codex_home: Some(home.path()), ..claim(other.path()) };
        fs::rename(home.path().join(CODEX_HOME_LOCK), home.path().join("moved")).unwrap();
        assert!(matches!(same_home.take(&ME), Err(StartError::Locked(_))));
        drop(locks);

        fs::rename(data.path().join("lock"), data.path().join("store.sqlite3")).unwrap();
        fs::write(data.path().join("store.sqlite3"), "").unwrap();
        fs::create_dir(data.path().join("lock")).unwrap();
        let refused = both.take(&ME).unwrap_err();
        assert!(matches!(&refused, StartError::File { path, .. } if path.ends_with("lock")), "{refused:?}");
        let nowhere = Claim { codex_home: Some(Path::new("/proc/nowhere")), ..claim(other.path()) };
        assert!(matches!(nowhere.take(&ME), Err(StartError::Folder { .. })));
    }
}
