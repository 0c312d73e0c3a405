//! The folder of machine code: files that are named by their digest, written once and never again.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use codex_manager_model::limits::EXTENSION_CODE_BYTES_MAX;
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt as _;

use super::Code;
use crate::digest::Digesting;
use crate::disk::read_bounded;
use crate::{CompileFault, Digest};

pub(super) struct CodeFolder {
    path: PathBuf,
    parts: AtomicU64,
}

/// Code that is being written. Dropped before it is kept, it is removed.
pub(crate) struct Part {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    digest: Digesting,
    kept: bool,
}

impl CodeFolder {
    /// Opens the folder, makes it if it is not there, and removes everything but the code that is named.
    pub(super) fn open(path: PathBuf, named: &BTreeSet<Digest>) -> Result<Self, CompileFault> {
        let swept = make(&path).and_then(|()| sweep(&path, named));
        match swept {
            Ok(()) => Ok(Self { path, parts: AtomicU64::default() }),
            Err(source) => Err(CompileFault::Folder { path, source }),
        }
    }

    /// The code of that digest. What has another is removed, as what cannot be read is.
    pub(super) fn read(&self, digest: &Digest) -> Option<Code> {
        let path = self.path.join(digest.hex());
        let read = read_bounded(&path, EXTENSION_CODE_BYTES_MAX);
        if matches!(&read, Err(error) if error.kind() == io::ErrorKind::NotFound) {
            return None;
        }
        let code = read.ok().and_then(|bytes| Code::kept(bytes, digest));
        if code.is_none() {
            tracing::warn!(path = %path.display(), "compiled code is damaged and is removed");
            self.remove(digest);
        }
        code
    }

    /// Removes code. What cannot be removed is never loaded all the same, unless it is right.
    pub(super) fn remove(&self, digest: &Digest) {
        let path = self.path.join(digest.hex());
        match remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %path.display(), "compiled code cannot be removed");
            }
            _ => {}
        }
    }

    /// Begins to write code.
    pub(super) async fn part(&self) -> Result<Part, CompileFault> {
        let path = self.path.join(format!("{}.part", self.parts.fetch_add(1, Ordering::Relaxed)));
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).await;
        let file = opened.map_err(|source| CompileFault::Folder { path: path.clone(), source })?;
        Ok(Part { folder: self.path.clone(), path, file, digest: Digesting::default(), kept: false })
    }
}

/// Makes the folder if it is not there. What else is in its place is removed: a link is not followed, whose end would be
/// swept.
fn make(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_dir()) {
        fs::remove_file(path)?;
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

impl Part {
    /// Writes more of it.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), CompileFault> {
        self.digest.add(bytes);
        self.file.write_all(bytes).await.map_err(|source| self.failed(source))
    }

    /// Makes it durable, and names it by its digest.
    pub(super) async fn keep(mut self) -> Result<Digest, CompileFault> {
        let digest = std::mem::take(&mut self.digest).digest();
        let named = async {
            self.file.flush().await?;
            self.file.sync_all().await?;
            tokio::fs::rename(&self.path, self.folder.join(digest.hex())).await?;
            File::open(&self.folder).await?.sync_all().await
        };
        named.await.map_err(|source| self.failed(source))?;
        self.kept = true;
        Ok(digest)
    }

    fn failed(&self, source: io::Error) -> CompileFault {
        CompileFault::Folder { path: self.folder.clone(), source }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.kept {
            // What remains is removed by the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn sweep(folder: &Path, named: &BTreeSet<Digest>) -> io::Result<()> {
    let named: BTreeSet<String> = named.iter().map(Digest::hex).collect();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_named = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| named.contains(name));
        if !is_named && let Err(error) = remove(&path) {
            tracing::warn!(%error, path = %path.display(), "what is not compiled code cannot be removed");
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path)?.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    }
}
