//! The folders of one demo: the daemon's, Codex's, one to work in, and one to drop extensions into.

use std::fs::{DirBuilder, remove_dir_all};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::fault::Fault;
use crate::paths::Paths;

/// Fresh folders, for this user alone. They go when this goes, unless they are kept.
#[derive(Debug)]
pub(super) struct Folders {
    all: PathBuf,
    kept: bool,
}

impl Folders {
    /// Makes them in a place of their own below the user's state folder.
    pub(super) fn make(paths: &Paths) -> Result<Self, Fault> {
        let all = paths.data.path().join("demo").join(Uuid::now_v7().to_string());
        let folders = Self { all, kept: false };
        for folder in [folders.data(), folders.codex_home(), folders.work(), folders.extensions()] {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
            made.map_err(|error| Fault::because(format!("cannot make {}", folder.display()), error.into()))?;
        }
        Ok(folders)
    }

    /// The one that holds the others.
    pub(super) fn all(&self) -> &Path {
        &self.all
    }

    /// The daemon's: masked from Codex.
    pub(super) fn data(&self) -> PathBuf {
        self.all.join("data")
    }

    /// Codex's own, beside the daemon's and not in it.
    pub(super) fn codex_home(&self) -> PathBuf {
        self.all.join("codex-home")
    }

    /// Where Codex's commands start.
    pub(super) fn work(&self) -> PathBuf {
        self.all.join("work")
    }

    /// Where extensions are dropped.
    pub(super) fn extensions(&self) -> PathBuf {
        self.all.join("extensions")
    }

    /// What the daemon logs.
    pub(super) fn log(&self) -> PathBuf {
        self.all.join("daemon.log")
    }

    /// Leaves them where they are, for somebody to look at.
    pub(super) fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = remove_dir_all(&self.all)
        {
            tracing::warn!(folder = %self.all.display(), %error, "the demo's folders could not be removed");
        }
    }
}
