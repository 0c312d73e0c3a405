//! `backup` and `restore`: all that cannot be made again, into a file and back.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf, absolute};
use std::process;

use clap::Args;
use codex_manager_store::{Config, Lock, LockHolder};
use jiff::Timestamp;
use serde_json::json;

use super::Context;
use super::failure::{Exit, Failure};
use super::plain::plain;
use super::serve::not_started;
use crate::StartError;
use crate::backup::{RestoreError, Restored, Returned, restore};
use crate::claim::Claim;
use crate::paths::Paths;
use crate::service::Backups;

/// Below what the lines of a result begin with.
const INDENT: &str = "                    ";
/// How many sessions are told by name.
const TOLD_MAX: usize = 20;

/// Copy all that cannot be made again into a file, while a daemon works or while none does
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The file, which must not be there yet; it is for this user alone
    file: PathBuf,
}

/// Put a backup in the place of what is in the data folder, while no daemon runs
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup
    file: PathBuf,
}

impl Backup {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let paths = context.places.find()?;
        let at_work = context.remote.is_named() || Lock::look(paths.data.lock()).is_err();
        let bytes = if at_work { self.fetch(context).await? } else { self.copy(&paths).await? };
        let path = absolute(&self.file).unwrap_or(self.file);
        let document = json!({ "file": path, "bytes": bytes });
        context.output.document(&document, || {
            format!(
                "{bytes} bytes in {}\nit holds what the daemon knows of your sessions: keep it as you keep them",
                path.display()
            )
        })
    }

    /// From the daemon at work; how many bytes it is.
    async fn fetch(&self, context: &Context) -> Result<u64, Failure> {
        let mut response = context.client()?.download(&["backup"]).await?;
        let mut file = make(&self.file)?;
        let written = async {
            let mut bytes = 0;
            while let Some(chunk) = response.chunk().await.map_err(|error| Failure::because(Exit::Failed, &error))? {
                bytes += chunk.len() as u64;
                file.write_all(&chunk).map_err(|error| unwritten(&self.file, &error))?;
            }
            file.sync_all().map_err(|error| unwritten(&self.file, &error))?;
            Ok(bytes)
        };
        written.await.inspect_err(|_| self.give_up())
    }

    /// From the store itself, which no daemon works on, nor can while this does.
    async fn copy(&self, paths: &Paths) -> Result<u64, Failure> {
        let config = Config { folder: paths.data.path().to_owned(), size_bytes_max: None };
        if !config.file().exists() {
            return Err(Failure::new(Exit::NotFound, format!("there is no store in {}", paths.data.path().display()))
                .hint("name the data folder of your daemon in --data-dir"));
        }
        let lock = Claim::on(paths).take_data(&LockHolder { pid: process::id(), address: None });
        let _lock = lock.map_err(|error| not_started(&error))?;
        // The backup is for going back to this version, and a store that was opened once is of a newer one.
        if !config.is_current().map_err(|error| not_started(&StartError::Store(error)))? {
            return Err(Failure::new(Exit::Conflict, "the store was made by an earlier version of codex-manager")
                .hint("make the backup with that version, or start the daemon, which brings the store up to date"));
        }
        let mut file = make(&self.file)?;
        let copied = async {
            let store = config.open().map_err(|error| not_started(&StartError::Store(error)))?;
            let made = Backups::new(store.clone(), paths.data.clone()).make().await;
            store.close().await;
            let mut made = made.map_err(|error| Failure::because(Exit::Failed, &error))?;
            let copied = io::copy(&mut made, &mut file).and_then(|bytes| file.sync_all().map(|()| bytes));
            copied.map_err(|error| unwritten(&self.file, &error))
        };
        copied.await.inspect_err(|_| self.give_up())
    }

    /// Half a backup is none; whoever reads the failure knows that there is nothing.
    fn give_up(&self) {
        let _ = fs::remove_file(&self.file);
    }
}

impl Restore {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let paths = context.places.find()?;
        let restored = restore(&paths, &self.file, Timestamp::now()).await.map_err(refused)?;
        if let Some(error) = &restored.unknown {
            tracing::warn!(%error, "what was made and deleted since the backup is not known; what was deleted may be back");
        }
        let returned = &restored.returned;
        let made_since: Vec<_> =
            restored.dropped.iter().map(|session| json!({ "sessionId": session.id, "title": session.title })).collect();
        let document = json!({
            "dataFolder": paths.data.path(),
            "previous": restored.previous,
            "sessions": returned.sessions,
            "projects": returned.projects,
            "extensions": returned.extensions,
            "tokensRevoked": returned.tokens,
            "madeSince": made_since,
            "stillDeleted": restored.still_deleted,
        });
        context.output.document(&document, || told(&restored, paths.data.path()))
    }
}

fn told(restored: &Restored, data: &Path) -> String {
    let Returned { sessions, projects, extensions, tokens } = restored.returned;
    let mut text = format!(
        "restored into {}\n  back again        {}, {}, {}",
        data.display(),
        counted(sessions, "session"),
        counted(projects, "project"),
        counted(extensions, "approved extension"),
    );
    if !restored.dropped.is_empty() {
        let dropped = counted(restored.dropped.len(), "session");
        text.push_str(&format!(
            "\n  made since        {dropped}, gone with what the daemon knew of them; what Codex knows"
        ));
        text.push_str(&format!("\n{INDENT}of their threads is taken in anew at the next start"));
        for session in restored.dropped.iter().take(TOLD_MAX) {
            let title = session.title.as_deref().unwrap_or("(no title)");
            text.push_str(&format!("\n{INDENT}{} {}", session.id, plain(title)));
        }
        if let Some(more) = restored.dropped.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
            text.push_str(&format!("\n{INDENT}and {more} more"));
        }
    }
    if restored.still_deleted > 0 {
        text.push_str(&format!(
            "\n  deleted since     {}, and so it stays",
            counted(restored.still_deleted, "session")
        ));
    }
    if let Some(previous) = &restored.previous {
        text.push_str(&format!("\n  what was there    in {}", previous.display()));
        text.push_str(&format!("\n{INDENT}remove that folder when nobody needs it any more"));
    }
    let revoked = counted(tokens, "token");
    text + &format!(
        "\n  tokens            {revoked} of the backup revoked; the next start makes a new one for its admin"
    )
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn make(path: &Path) -> Result<File, Failure> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::new(Exit::Conflict, format!("{} is there already", path.display()))
            .hint("name another file; nothing is written over"),
        _ => unwritten(path, &error),
    })
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("cannot write {}: {error}", path.display()))
}

fn refused(error: RestoreError) -> Failure {
    match &error {
        RestoreError::Claim(held @ StartError::Locked(_)) => {
            not_started(held).hint("stop the daemon first; `codex-manager doctor` says which it is")
        }
        // The errors of the folder name their own next step.
        RestoreError::Claim(claim) => not_started(claim),
        _ => Failure::because(Exit::Failed, &error),
    }
}
