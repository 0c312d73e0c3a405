//! Reloading: looking at every drop anew, and saying which of them are no good.
//!
//! A reload approves nothing and stops nothing: what runs is what was approved, whatever lies in the folders. It is
//! strict, as clients know it: one faulty drop makes it fail, with all faults told, and the snapshot stays.

use codex_manager_extension::{Approved, DropFault, Dropped, ManifestError};
use codex_manager_model::{Actor, NewEvent};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Extensions, Snapshot};
use crate::extensions::Shelf;
use crate::service::{Error, code, to_its_end};

/// A reload that found no fault.
#[derive(Debug)]
pub(crate) struct Reloaded {
    /// Its own id.
    pub(crate) id: String,
    /// The new name of what runs.
    pub(crate) snapshot: Snapshot,
    /// What runs.
    pub(crate) running: Vec<Approved>,
}

impl Extensions {
    /// Looks at every drop anew.
    ///
    /// # Errors
    /// `reload_failed` with every fault; a conflict, `reload_in_progress`, while another is under way. Each has the
    /// `reloadId`, and the `snapshotVersion` that stays.
    pub(crate) async fn reload(&self, actor: Actor) -> Result<Reloaded, Error> {
        let extensions = self.clone();
        to_its_end(async move { extensions.reload_alone(actor).await }).await
    }

    async fn reload_alone(&self, actor: Actor) -> Result<Reloaded, Error> {
        let (id, before) = (format!("reload_{}", Uuid::now_v7().simple()), self.snapshot());
        let failed = |error: Error, errors: &[Value]| {
            error.with("reloadId", id.as_str()).with("snapshotVersion", before.version.as_str()).with("errors", errors)
        };
        let Ok(_alone) = self.0.reloading.try_lock() else { return Err(failed(in_progress(), &[])) };
        let errors: Vec<Value> = self.on_shelf(Shelf::faulty).await?.iter().filter_map(error).collect();
        let (result, snapshot) = match errors[..] {
            [] => ("success", self.0.snapshots.renew(self.0.clock.now())),
            _ => ("failed", before.clone()),
        };
        let about = json!({
            "reloadId": id,
            "result": result,
            "snapshotVersion": snapshot.version,
            "errors": errors,
            "actor": actor,
        });
        self.append(NewEvent::new("extension_reloaded", None, about, self.0.clock.now()).by(actor)).await?;
        if !errors.is_empty() {
            return Err(failed(faulty(errors.len()), &errors));
        }
        Ok(Reloaded { snapshot, running: self.on_shelf(running).await?, id })
    }
}

fn running(shelf: &Shelf) -> Vec<Approved> {
    shelf.lineup().running().cloned().collect()
}

fn in_progress() -> Error {
    Error::new(code::RELOAD_IN_PROGRESS, "another reload is under way").hint("try again when it is done")
}

fn faulty(count: usize) -> Error {
    let message = format!("{count} of what was dropped cannot be used; what runs is as it was");
    Error::new(code::RELOAD_FAILED, message)
        .hint("`codex-manager ext list` says what is wrong with each, and what to do")
}

/// A fault as clients know it: by the id, or by the folder of one that has none.
fn error(dropped: &Dropped) -> Option<Value> {
    let fault = dropped.found.as_ref().err()?;
    let folder = dropped.folder.display().to_string();
    let extension = dropped.id.as_ref().map_or(folder, ToString::to_string);
    Some(json!({ "extension": extension, "code": code(fault), "message": fault.to_string() }))
}

const fn code(fault: &DropFault) -> &'static str {
    match fault {
        DropFault::Manifest(ManifestError::Newer(_)) => "incompatible_runtime",
        DropFault::NoManifest | DropFault::Astray { .. } | DropFault::NotText | DropFault::Manifest(_) => {
            "invalid_manifest"
        }
        DropFault::NoComponent { .. } => "missing_entrypoint",
        DropFault::Unreadable { .. } | DropFault::Component(_) | DropFault::TooMany { .. } => "import_failed",
        DropFault::Unknown { .. } | DropFault::WrongMajor { .. } => "incompatible_runtime",
        DropFault::Undeclared { .. } => "trust_denied",
        DropFault::NoHandler | DropFault::HandlerMissing { .. } | DropFault::HandlerUnnamed { .. } => {
            "missing_register"
        }
        DropFault::SharedId { .. } => "agent_id_conflict",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_by_the_id_or_else_by_the_folder() {
        let dropped = |id: Option<&str>| Dropped {
            folder: "/drops/a".into(),
            id: id.map(|id| id.parse().unwrap()),
            found: Err(DropFault::NoManifest),
        };
        for (id, named) in [(Some("acme.guard"), "acme.guard"), (None, "/drops/a")] {
            let expected =
                json!({ "extension": named, "code": "invalid_manifest", "message": "there is no extension.toml" });
            assert_eq!(error(&dropped(id)), Some(expected));
        }
    }
}
