//! Switching extensions off while no daemon runs: on the lock itself, under the lock that a daemon would take. So one that
//! keeps a daemon from starting, or from doing anything else, can be stopped all the same.

use std::sync::Arc;

use codex_manager_extension::{Approved, ExtensionId, LockError, Standing};
use codex_manager_model::{Actor, NewEvent};
use codex_manager_store::{Config, Error, Lock, LockHolder, Store};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::Context;
use super::super::client::Answer;
use super::super::failure::{Exit, Failure};
use super::super::output::remark;
use super::super::serve::not_started;
use crate::claim::Claim;
use crate::extensions::{Shelf, vocabulary};
use crate::paths::Paths;

/// What was approved in a data folder on which no daemon runs, nor can run until this is gone.
pub(super) struct Offline {
    shelf: Shelf,
    paths: Paths,
    _lock: Lock,
}

/// What is changed, and the kind of the event that tells of it; `None` if it was so before.
type Change = (Approved, Option<&'static str>);

/// What a daemon answered; or, where none can be reached, what comes of doing it here.
pub(super) async fn or_here(
    context: &Context,
    asked: Result<Answer, Failure>,
    change: impl FnOnce(&Offline) -> Result<Change, LockError>,
) -> Result<Answer, Failure> {
    match asked {
        // Nobody was named and nobody is there: the lock is free, or says who has it.
        Err(failure) if failure.exit == Exit::Unreachable && !context.remote.is_named() => {
            let paths = context.places.find()?;
            if !paths.data.extensions().is_dir() {
                return Err(failure);
            }
            let offline = Offline::open(&paths)?;
            let (approved, kind) = change(&offline).map_err(refused)?;
            if let Some(kind) = kind {
                offline.tell(&approved, kind).await;
            }
            Ok(offline.answer(&approved))
        }
        asked => asked,
    }
}

impl Offline {
    fn open(paths: &Paths) -> Result<Self, Failure> {
        let holder = LockHolder { pid: std::process::id(), address: None };
        let lock = Claim::on(paths).take_data(&holder).map_err(|error| not_started(&error))?;
        let shelf = Shelf::open(&paths.data.extensions(), Vec::new(), Arc::new(vocabulary())).map_err(refused)?;
        Ok(Self { shelf, paths: paths.clone(), _lock: lock })
    }

    /// Switches it off.
    pub(super) fn disable(&self, id: &ExtensionId) -> Result<Change, LockError> {
        let standing = Standing::Disabled { by: Actor::User, at: Timestamp::now() };
        self.shelf.stand(id, standing).map(|(approved, is_new)| (approved, is_new.then_some("extension_disabled")))
    }

    /// Takes its approval back.
    pub(super) fn revoke(&self, id: &ExtensionId) -> Result<Change, LockError> {
        self.shelf.revoke(id).map(|approved| (approved, Some("extension_revoked")))
    }

    /// Tells of it in the log. It holds without that too: a store that cannot be opened keeps nothing running.
    async fn tell(&self, approved: &Approved, kind: &'static str) {
        let Approved { id, version, digest, .. } = approved;
        let about = json!({ "extensionId": id, "version": version, "digest": digest, "actor": Actor::User });
        let event = NewEvent::new(kind, None, about, Timestamp::now()).by(Actor::User);
        if let Err(error) = append(&self.paths, event).await {
            remark(&format!("it holds, and is not told in the log: {error}"));
        }
    }

    fn answer(&self, approved: &Approved) -> Answer {
        let json: Value = json!({
            "status": "ok", "extensionId": approved.id, "approved": approved, "state": self.shelf.state(approved),
            "required": self.shelf.is_required(&approved.id),
        });
        Answer { text: json.to_string(), json }
    }
}

async fn append(paths: &Paths, event: NewEvent) -> Result<(), Box<dyn std::error::Error>> {
    let store: Store = Config { folder: paths.data.path().to_owned(), size_bytes_max: None }.open()?;
    let written = store.write::<_, Error, _>(move |tx| tx.append_event(event)).await;
    store.close().await;
    written?;
    Ok(())
}

fn refused(error: LockError) -> Failure {
    let exit = match error {
        LockError::Unapproved(_) => Exit::NotFound,
        _ => Exit::Failed,
    };
    let failure = Failure::because(exit, &error);
    match error {
        LockError::Unapproved(_) => {
            failure.hint("start the daemon, then see what there is with `codex-manager ext list`")
        }
        _ => failure,
    }
}
