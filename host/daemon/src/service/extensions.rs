//! Extensions: what was dropped and what runs, approving it, switching it off and on, reading what it did.
//!
//! The lock on the [shelf](Shelf) is the truth about what may run; each change of it is written there first, and told
//! in the log after, as soon as there is room. What runs follows the shelf by itself; whoever asks for a change is
//! answered when it has.

mod looks;
mod reload;
mod snapshot;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use codex_manager_app_server::AppServer;
use codex_manager_extension::{Approved, Digest, ExtensionId, Listed, LockError, Review, Standing, State};
use codex_manager_model::{Actor, Clock, Invocation, InvocationId, NewEvent};
use codex_manager_store::{Error as StoreError, InvocationQuery};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use utoipa::{IntoParams, ToSchema};

use super::{Error, code, health, to_its_end};
use crate::extensions::{ApproveError, Shelf};
use crate::storage::Storage;
use looks::Looks;
pub(crate) use snapshot::Snapshot;
use snapshot::Snapshots;

/// How many invocations one page holds at most, and when nothing is said.
const PAGE_MAX: u32 = 200;
const PAGE: u32 = 50;
/// How long an answer waits for what follows from a change. It holds in any case.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(3);

/// A yes, as clients send it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Approve {
    /// What was looked at.
    #[schema(value_type = String, pattern = "^sha256:[0-9a-f]{64}$")]
    pub(crate) digest: Digest,
    /// Whether its word is needed before anybody but a person accepts. If nothing is said: as it was before, and yes for
    /// what may decline from now on.
    pub(crate) required: Option<bool>,
}

/// Whether the word of an extension is needed, as clients send it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Require {
    /// Whether it is needed before anybody but a person accepts.
    pub(crate) required: bool,
}

/// How something that was approved stands, after somebody has changed that.
#[derive(Debug)]
pub(crate) struct Stood {
    /// The approval.
    pub(crate) approved: Approved,
    /// How far it has come.
    pub(crate) state: State,
    /// Whether its word is needed.
    pub(crate) required: bool,
}

/// Which invocations to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListInvocations {
    /// Only those before this one.
    #[param(value_type = Option<String>)]
    pub(crate) before: Option<InvocationId>,
    /// How many at most.
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<u32>,
}

/// The use cases of extensions.
#[derive(Clone)]
pub(crate) struct Extensions(Arc<Shared>);

struct Shared {
    shelf: Shelf,
    storage: Storage,
    child: AppServer,
    clock: Clock,
    looks: Looks,
    snapshots: Snapshots,
    /// Held while a change is told, so that changes are told in their order.
    telling: Arc<tokio::sync::Mutex<()>>,
    /// Held by the one reload at a time.
    reloading: tokio::sync::Mutex<()>,
}

impl Extensions {
    pub(crate) fn new(shelf: Shelf, storage: Storage, child: AppServer, clock: Clock) -> Self {
        let snapshots = Snapshots::new(shelf.changed(), clock.now());
        let (looks, telling, reloading) = (Looks::default(), Arc::default(), tokio::sync::Mutex::default());
        Self(Arc::new(Shared { shelf, storage, child, clock, looks, snapshots, telling, reloading }))
    }

    /// Everything that was dropped or approved, as it is now.
    pub(crate) async fn list(&self) -> Result<Arc<Vec<Listed>>, Error> {
        let shelf = self.0.shelf.clone();
        self.0.looks.look(move || shelf.list()).await.map_err(Error::internal)
    }

    /// One of them. Where two folders share the id, both are faulty and the first is shown: it names the other.
    ///
    /// # Errors
    /// `extension_not_found`.
    pub(crate) async fn get(&self, id: &ExtensionId) -> Result<Listed, Error> {
        let list = self.list().await?;
        list.iter().find(|listed| listed.id.as_ref() == Some(id)).cloned().ok_or_else(|| unknown(id))
    }

    /// What was approved of it, in the words in which it was asked for, as far as the approved copy still says.
    pub(crate) async fn granted(&self, listed: &Listed) -> Result<Option<Review>, Error> {
        let Some(approved) = listed.approved.clone() else { return Ok(None) };
        self.on_shelf(move |shelf| shelf.granted(&approved)).await
    }

    /// The folders that extensions are dropped into, each with whether it is there.
    pub(crate) async fn roots(&self) -> Result<Vec<(PathBuf, bool)>, Error> {
        self.on_shelf(Shelf::roots).await
    }

    /// What runs, under a name that changes with it.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.0.snapshots.now(self.0.clock.now())
    }

    /// Whether what Codex runs is kept from approving in the user's name.
    pub(crate) fn contained(&self) -> health::Containment {
        health::contained(&self.0.child.state().borrow())
    }

    /// Approves what was looked at; it runs once it is ready, and until then what ran before.
    ///
    /// # Errors
    /// A conflict, `extension_changed`, when something else lies there by now, and `extension_faulty` when it cannot be
    /// approved at all. What runs is as it was.
    pub(crate) async fn approve(&self, id: ExtensionId, body: Approve, actor: Actor) -> Result<Stood, Error> {
        let extensions = self.clone();
        to_its_end(async move {
            let (by, at) = (actor.clone(), extensions.0.clock.now());
            let approve = move |shelf: &Shelf| shelf.approve(&id, body.digest, by, at, body.required);
            let approved = extensions.on_shelf(approve).await?.map_err(not_approved)?;
            extensions.tell("extension_approved", &approved, actor).await;
            extensions.stood(approved).await
        })
        .await
    }

    /// Switches it off, until somebody enables it or approves other code.
    ///
    /// # Errors
    /// As [`enable`](Self::enable).
    pub(crate) async fn disable(&self, id: ExtensionId, actor: Actor) -> Result<Stood, Error> {
        let standing = Standing::Disabled { by: actor.clone(), at: self.0.clock.now() };
        self.stand(id, standing, "extension_disabled", actor).await
    }

    /// Lets it run again, from the head of the log on; also out of quarantine.
    ///
    /// # Errors
    /// `extension_not_found`; a conflict, `not_approved`, when it was never approved.
    pub(crate) async fn enable(&self, id: ExtensionId, actor: Actor) -> Result<Stood, Error> {
        self.stand(id, Standing::Enabled, "extension_enabled", actor).await
    }

    /// Says whether its word is needed before anybody but a person accepts. That holds however it stands, until somebody
    /// disables or revokes it.
    ///
    /// # Errors
    /// As [`enable`](Self::enable).
    pub(crate) async fn require(&self, id: ExtensionId, body: Require, actor: Actor) -> Result<Stood, Error> {
        let extensions = self.clone();
        to_its_end(async move {
            let required = body.required;
            let wanted = id.clone();
            let change = move |shelf: &Shelf| {
                let approved = shelf.approved(&wanted).ok_or_else(|| LockError::Unapproved(wanted.clone()))?;
                Ok((shelf.require(&wanted, required)?, approved))
            };
            let (is_new, approved) = match extensions.on_shelf(change).await? {
                Err(LockError::Unapproved(id)) => return Err(extensions.never_approved(&id).await),
                changed => changed.map_err(refused)?,
            };
            if is_new {
                let about = json!({ "extensionId": id, "required": required, "actor": actor });
                extensions.tell_event("extension_required_changed", about, actor).await;
            }
            extensions.stood(approved).await
        })
        .await
    }

    /// Takes its approval back: it waits for a yes again, like one that was never approved. What it has kept stays with
    /// its id, and is there again if it is approved again.
    ///
    /// # Errors
    /// As [`enable`](Self::enable).
    pub(crate) async fn revoke(&self, id: ExtensionId, actor: Actor) -> Result<Approved, Error> {
        let extensions = self.clone();
        to_its_end(async move {
            let revoked = match extensions.on_shelf(move |shelf| shelf.revoke(&id)).await? {
                Err(LockError::Unapproved(id)) => return Err(extensions.never_approved(&id).await),
                revoked => revoked.map_err(refused)?,
            };
            extensions.tell("extension_revoked", &revoked, actor).await;
            Ok(revoked)
        })
        .await
    }

    /// What it did, the newest first. The records of one that is gone stay for a while.
    ///
    /// # Errors
    /// Invalid with a limit that will not do. `extension_not_found`, when neither an approval nor any record of it is there.
    pub(crate) async fn invocations(
        &self,
        id: &ExtensionId,
        wanted: ListInvocations,
    ) -> Result<Vec<Invocation>, Error> {
        let limit = wanted.limit.unwrap_or(PAGE);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(Error::invalid("limit", &format!("must be between 1 and {PAGE_MAX}")));
        }
        let query = InvocationQuery { extension: Some(id.to_string()), before: wanted.before, limit };
        let found: Vec<Invocation> =
            self.0.storage.store().read::<_, Error, _>(move |view| Ok(view.invocations(&query)?)).await?;
        let wanted = id.clone();
        // What waits for its first yes has done nothing, and is no stranger.
        if found.is_empty() && !self.on_shelf(move |shelf| shelf.approved(&wanted).is_some()).await? {
            self.get(id).await?;
        }
        Ok(found)
    }

    /// What is as it should be already is left alone, and not told again.
    async fn stand(
        &self,
        id: ExtensionId,
        standing: Standing,
        kind: &'static str,
        actor: Actor,
    ) -> Result<Stood, Error> {
        let extensions = self.clone();
        to_its_end(async move {
            let (stood, is_new) = match extensions.on_shelf(move |shelf| shelf.stand(&id, standing)).await? {
                Err(LockError::Unapproved(id)) => return Err(extensions.never_approved(&id).await),
                stood => stood.map_err(refused)?,
            };
            if is_new {
                extensions.tell(kind, &stood, actor).await;
            }
            extensions.stood(stood).await
        })
        .await
    }

    async fn stood(&self, approved: Approved) -> Result<Stood, Error> {
        self.on_shelf(move |shelf| {
            let (state, required) = (shelf.state(&approved), shelf.is_required(&approved.id));
            Stood { approved, state, required }
        })
        .await
    }

    /// Whether there is nothing of that id at all, or something that nobody approved.
    async fn never_approved(&self, id: &ExtensionId) -> Error {
        self.get(id).await.err().unwrap_or_else(|| unapproved(id))
    }

    /// Tells of a change that is made, and waits a moment until that is told and what runs has followed. Where the disk
    /// is full this goes on after the answer.
    async fn tell(&self, kind: &'static str, approved: &Approved, actor: Actor) {
        let Approved { id, version, digest, .. } = approved;
        let about = json!({ "extensionId": id, "version": version, "digest": digest, "actor": actor });
        self.tell_event(kind, about, actor).await;
    }

    async fn tell_event(&self, kind: &'static str, about: Value, actor: Actor) {
        let event = NewEvent::new(kind, None, about, self.0.clock.now()).by(actor);
        let (storage, telling) = (self.0.storage.clone(), Arc::clone(&self.0.telling));
        let told = tokio::spawn(async move {
            let _in_order = telling.lock().await;
            if let Err(error) = storage.insist(move |tx| tx.append_event(event.clone())).await {
                tracing::warn!(%error, kind, "a change of the extensions was not told");
            }
        });
        let followed = async { tokio::join!(told, self.0.shelf.followed()) };
        if tokio::time::timeout(FOLLOWED_WITHIN, followed).await.is_err() {
            tracing::warn!(kind, "a change of the extensions holds, and is not told or followed yet");
        }
    }

    async fn append(&self, event: NewEvent) -> Result<(), Error> {
        self.0.storage.store().write::<_, Error, _>(move |tx| Ok(tx.append_event(event).map(drop)?)).await
    }

    /// The shelf is a matter of folders, which may be slow.
    async fn on_shelf<T: Send + 'static>(&self, work: impl FnOnce(&Shelf) -> T + Send + 'static) -> Result<T, Error> {
        let shelf = self.0.shelf.clone();
        spawn_blocking(move || work(&shelf)).await.map_err(Error::internal)
    }
}

fn unknown(id: &ExtensionId) -> Error {
    Error::not_found(code::EXTENSION_NOT_FOUND, "extensionId", id.as_str())
        .hint("see what there is with `codex-manager ext list`")
}

fn unapproved(id: &ExtensionId) -> Error {
    Error::new(code::NOT_APPROVED, format!("{id} is not approved"))
        .hint(format!("look at it with `codex-manager ext show {id}`, then approve it"))
        .with("extensionId", id.as_str())
}

fn not_approved(error: ApproveError) -> Error {
    match error {
        ApproveError::NotDropped(id) => unknown(&id),
        ApproveError::Faulty { ref id, ref fault } => Error::new(code::EXTENSION_FAULTY, error.to_string())
            .hint(fault.next_step())
            .with("extensionId", id.as_str()),
        ApproveError::Lock(error) => refused(error),
    }
}

fn refused(error: LockError) -> Error {
    match error {
        LockError::Changed { shown, found } => Error::new(code::EXTENSION_CHANGED, error.to_string())
            .hint("look at what is there now, and approve that")
            .with("shown", shown.to_string())
            .with("found", found.to_string()),
        LockError::Unapproved(id) => unapproved(&id),
        LockError::Io { ref source, .. } if source.kind() == io::ErrorKind::StorageFull => StoreError::Full.into(),
        other => Error::internal(other),
    }
}
