//! Backups: a copy of all that cannot be made again, while the daemon is at work.
//!
//! In it are the store, as it is committed at one moment, and the extensions that are approved, with the bytes that were.
//! Not in it are the token file, logs, what was compiled, the file of settings, and whatever is Codex's own.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codex_manager_store::{BackupFile, Store};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::Error;
use crate::backup::{APPROVED, EXTENSIONS_LOCK};
use crate::paths::DataFolder;

/// The use case of backups.
#[derive(Clone)]
pub(crate) struct Backups {
    store: Store,
    data: DataFolder,
    /// Held while one is made: each takes as much room as the store.
    making: Arc<Mutex<()>>,
}

impl Backups {
    pub(crate) fn new(store: Store, data: DataFolder) -> Self {
        Self { store, data, making: Arc::default() }
    }

    /// A backup, in a file that nobody else can open and that is gone with the last handle to it.
    ///
    /// # Errors
    /// `storage_full` when there is no room for a second copy of the store.
    pub(crate) async fn make(&self) -> Result<File, Error> {
        let _alone = self.making.lock().await;
        let (draft, folder) = (self.data.path().join("backup.new"), self.data.extensions());
        let files = {
            let draft = draft.clone();
            let gathered = spawn_blocking(move || {
                remove(&draft)?;
                gather(&folder)
            });
            gathered.await.map_err(Error::internal)?.map_err(Error::internal)?
        };
        self.store.back_up(draft.clone(), files).await?;
        let opened = spawn_blocking(move || {
            let file = File::open(&draft)?;
            remove(&draft).map(|()| file)
        });
        opened.await.map_err(Error::internal)?.map_err(Error::internal)
    }
}

/// Clears away what is there, or what a crash may have left.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What says which extensions may run, then their copies: a copy that goes meanwhile is one that was just revoked.
fn gather(extensions: &Path) -> io::Result<Vec<BackupFile>> {
    let mut files = Vec::new();
    take(extensions, Path::new(EXTENSIONS_LOCK), &mut files)?;
    let copies = match fs::read_dir(extensions.join(APPROVED)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(files),
        copies => copies?,
    };
    for copy in copies {
        let folder = copy?.path();
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry?.path();
            if let Ok(name) = path.strip_prefix(extensions) {
                take(extensions, name, &mut files)?;
            }
        }
    }
    Ok(files)
}

fn take(folder: &Path, name: &Path, files: &mut Vec<BackupFile>) -> io::Result<()> {
    let path: PathBuf = folder.join(name);
    match fs::read(&path) {
        Ok(bytes) => files.push(BackupFile { path: name.to_string_lossy().into_owned(), bytes }),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_approved_is_taken_and_what_can_be_made_again_is_not() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(gather(folder.path()).unwrap(), []);
        for path in
            ["approved/ab/component.wasm", "approved/ab/extension.toml", "compiled/x/y", "extensions.lock", "begun"]
        {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "bytes").unwrap();
        }
        let mut taken: Vec<_> = gather(folder.path()).unwrap().into_iter().map(|file| file.path).collect();
        taken.sort();
        assert_eq!(taken, ["approved/ab/component.wasm", "approved/ab/extension.toml", "extensions.lock"]);
    }
}
