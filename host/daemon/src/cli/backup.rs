//! `backup` and `restore`: all that cannot be made again, into a file and back.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf, absolute};

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::Context;
use super::failure::{Exit, Failure};
use super::serve::not_started;
use crate::backup::{RestoreError, restore};

/// Copy all that cannot be made again into a file, while the daemon works
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
        let mut response = context.client()?.download(&["backup"]).await?;
        let mut file = make(&self.file)?;
        let written = async {
            let mut bytes = 0;
            while let Some(chunk) = response.chunk().await.map_err(|error| Failure::because(Exit::Failed, &error))? {
                bytes += chunk.len();
                file.write_all(&chunk).map_err(|error| unwritten(&self.file, &error))?;
            }
            file.sync_all().map_err(|error| unwritten(&self.file, &error))?;
            Ok::<_, Failure>(bytes)
        };
        let bytes = written.await.inspect_err(|_| {
            // Half a backup is none; whoever reads the failure knows that there is nothing.
            let _ = fs::remove_file(&self.file);
        })?;
        let path = absolute(&self.file).unwrap_or(self.file);
        let document = json!({ "file": path, "bytes": bytes });
        context.output.document(&document, || {
            format!(
                "{bytes} bytes in {}\nit holds what the daemon knows of your sessions: keep it as you keep them",
                path.display()
            )
        })
    }
}

impl Restore {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let paths = context.places.find()?;
        let restored = restore(&paths, &self.file, Timestamp::now()).await.map_err(refused)?;
        if let Some(error) = &restored.unknown {
            tracing::warn!(%error, "what was deleted since the backup is not known, and may be back");
        }
        let document = json!({
            "dataFolder": paths.data.path(),
            "previous": restored.previous,
            "stillDeleted": restored.still_deleted,
        });
        context.output.document(&document, || {
            let mut text = format!("restored into {}", paths.data.path().display());
            if let Some(previous) = &restored.previous {
                text.push_str(&format!("\n  what was there    in {}", previous.display()));
            }
            if restored.still_deleted > 0 {
                text.push_str(&format!("\n  deleted since     {} sessions, which stay so", restored.still_deleted));
            }
            text + "\n  tokens            none of the backup's is valid; the next start makes one"
        })
    }
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
        RestoreError::Claim(claim) => {
            not_started(claim).hint("stop the daemon first; `codex-manager doctor` says which it is")
        }
        _ => Failure::because(Exit::Failed, &error),
    }
}
