//! Deleting a session for good: what is ours at once and in one transaction, what is the child's as soon as it can.

use std::path::{Path, PathBuf};

use codex_manager_model::{Actor, Clock, SessionId, limits};
use codex_manager_store::{Store, Tx};
use serde::Serialize;
use tokio::task::spawn_blocking;
use utoipa::ToSchema;

use super::sessions::admit::usable_in;
use super::summary::title;
use super::{Error, to_its_end};
use crate::deletion::{Deletions, Erased, erase_with_workers_in};

/// Where below its home Codex keeps files that are named after a session.
const FOLDERS: [&str; 3] = ["sessions", "archived_sessions", "shell_snapshots"];

/// The use cases of deletion.
#[derive(Clone)]
pub(crate) struct Deletion {
    store: Store,
    deletions: Deletions,
    codex_home: Option<PathBuf>,
    clock: Clock,
}

/// That a session was deleted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeletedSession {
    /// `ok`.
    status: &'static str,
    /// The session that was.
    session_id: SessionId,
    /// What people called it.
    title: String,
    /// How many files of Codex named after it are gone by now. 0 where that is not known: without a `CODEX_HOME`, or
    /// while Codex is not there to delete them; it does so when it is back.
    deleted_file_count: u64,
}

impl Deletion {
    pub(crate) fn new(store: Store, deletions: Deletions, codex_home: Option<PathBuf>, clock: Clock) -> Self {
        Self { store, deletions, codex_home, clock }
    }

    /// Deletes a session of a person, and waits a moment for the child to forget it too.
    ///
    /// # Errors
    /// `session_deleted`, `system_session`, `session_not_found`.
    pub(crate) async fn delete(&self, id: &SessionId, actor: Actor) -> Result<DeletedSession, Error> {
        let (deletion, id) = (self.clone(), id.clone());
        to_its_end(async move {
            let before = deletion.files_of(&id).await;
            let (wanted, now) = (id.clone(), deletion.clock.now());
            let erase = move |tx: &Tx<'_>| {
                let session = usable_in(tx, &wanted)?;
                Ok::<_, Error>((title(&session).to_owned(), erase_with_workers_in(tx, &session, &actor, now)?))
            };
            let (title, erased) = deletion.store.write(erase).await?;
            deletion.follow(erased).await;
            deletion.deletions.finished(&id).await;
            let deleted_file_count = before.saturating_sub(deletion.files_of(&id).await);
            Ok(DeletedSession { status: "ok", session_id: id, title, deleted_file_count })
        })
        .await
    }

    /// What follows once [erasing](crate::deletion::erase_in) in a transaction of somebody else's is committed.
    pub(crate) async fn follow(&self, erased: Vec<Erased>) {
        self.deletions.follow(erased);
        // Where somebody reads just now it is done again, until nothing is left.
        if let Err(error) = self.store.scrub().await {
            tracing::warn!(%error, "what was deleted is not overwritten on the disk yet");
        }
    }

    /// How many files of Codex's are named after the session.
    async fn files_of(&self, id: &SessionId) -> u64 {
        let Some(home) = self.codex_home.clone() else { return 0 };
        let name = id.to_string();
        let counted = spawn_blocking(move || FOLDERS.iter().map(|folder| count(&home.join(folder), &name)).sum());
        counted.await.unwrap_or(0)
    }
}

/// How many files below a folder have `name` in theirs. Links are not followed.
fn count(folder: &Path, name: &str) -> u64 {
    let (mut found, mut looked) = (0, 0);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            looked += 1;
            if looked > limits::SESSION_FILES_LOOK_MAX {
                return found;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(_) => found += u64::from(entry.file_name().to_string_lossy().contains(name)),
                Err(_) => {}
            }
        }
    }
    found
}
