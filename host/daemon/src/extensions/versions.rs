//! The versions that can be called: approved copies, compiled and linked once each.
//!
//! Each version that may run has a task of its own that makes it ready, so nobody waits for a compiler: dispatch is told
//! of a version once it can be called, and until then of the one before it. What stops running ends its task, and that
//! ends its compiler.

mod unready;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use codex_manager_extension::dispatch::Serving;
use codex_manager_extension::{
    Approved, ApprovedVersion, CompileFault, CompiledCode, Digest, ExtensionId, Grants, Limits, Linked, Manifest,
    Vocabulary,
};
use codex_manager_model::limits::KV_BYTES_MAX;
use codex_manager_model::{Actor, Clock, NewEvent};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio_util::task::AbortOnDropHandle;

use super::Shelf;
use super::kept::StoreKept;
use super::reader::StoreSessions;
use super::registry::registry;
use super::settings::Defaults;
use super::shelf::{Lineup, Progress};
use crate::storage::Storage;
use unready::Unready;

/// After how long what the host could not do is tried again; twice as long each time, up to the second.
const RETRY_AFTER: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60 * 60)];

/// What can be called, and what is being made ready.
pub(super) struct Versions {
    code: CompiledCode,
    vocabulary: Arc<Vocabulary>,
    storage: Storage,
    shelf: Shelf,
    clock: Clock,
    known: Mutex<Known>,
    /// How often a version has become ready, or was found unable to.
    changes: watch::Sender<u64>,
    /// Events that are told in this order, as soon as there is room.
    events: mpsc::UnboundedSender<NewEvent>,
}

/// What runs, and what has run in this life of the host.
#[derive(Default)]
struct Known {
    versions: HashMap<Digest, Version>,
    /// What may run; what else is among the versions is what dispatch may still call.
    wanted: BTreeSet<Digest>,
    running: BTreeSet<ExtensionId>,
    latest: BTreeMap<ExtensionId, Digest>,
    numbers: BTreeMap<Digest, String>,
    /// The quotas that were granted.
    kept_bytes_max: BTreeMap<ExtensionId, u64>,
    /// Whether there was a lineup before.
    begun: bool,
}

/// One version that may run.
struct Version {
    about: About,
    stage: Stage,
    /// Whether it is told how far it comes: not what a start finds compiled.
    is_news: bool,
}

/// Whose version it is, and which.
#[derive(Debug, Clone, PartialEq)]
struct About {
    extension: ExtensionId,
    version: ApprovedVersion,
    /// When a person has last said yes to it.
    approved_at: Timestamp,
}

/// How far a version is.
enum Stage {
    /// A task makes it ready, for as long as this is here.
    Making {
        _task: AbortOnDropHandle<()>,
    },
    Ready(Linked),
    /// It cannot be called, through its own fault.
    Unfit,
}

impl Versions {
    pub(super) fn new(
        code: CompiledCode,
        vocabulary: Arc<Vocabulary>,
        storage: Storage,
        shelf: Shelf,
        clock: Clock,
    ) -> Self {
        let (events, told) = mpsc::unbounded_channel();
        tokio::spawn(tell(storage.clone(), told));
        let (known, changes) = (Mutex::default(), watch::Sender::new(0));
        Self { code, vocabulary, storage, shelf, clock, known, changes, events }
    }

    /// Grows whenever a version has become ready, or was found unable to.
    pub(super) fn changed(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Makes ready what may run. Who may decide is begun first, because somebody waits for that, and approved versions
    /// before their predecessors; which comes to the compiler first is the disk's affair too. What may not run any more is not made ready either, and its compiler ends.
    pub(super) fn prepare(self: &Arc<Self>, lineup: &Lineup) {
        let wanted = self.wanted(lineup);
        let mut known = self.known();
        known.wanted = wanted.iter().map(|about| about.version.digest).collect();
        let by_a_person = std::mem::replace(&mut known.begun, true);
        let Known { versions, wanted: digests, .. } = &mut *known;
        self.let_go(versions, |digest, version| digests.contains(digest) || matches!(version.stage, Stage::Ready(_)));
        for about in wanted {
            let digest = about.version.digest;
            let is_settled = known.versions.get(&digest).is_some_and(|version| {
                // A yes that was said again is a wish to have it tried again.
                !matches!(version.stage, Stage::Unfit) || version.about.approved_at == about.approved_at
            });
            if !is_settled {
                let making = Arc::clone(self).make_ready(about.clone(), by_a_person);
                let stage = Stage::Making { _task: AbortOnDropHandle::new(tokio::spawn(making)) };
                known.versions.insert(digest, Version { about, stage, is_news: by_a_person });
            }
        }
    }

    /// From now on these run, or would if they were ready.
    pub(super) fn run(&self, lineup: &Lineup) {
        let mut known = self.known();
        known.running = lineup.ids();
        for approved in lineup.running() {
            known.latest.insert(approved.id.clone(), approved.digest);
            for version in approved.predecessor.iter().chain([&approved.approved_version()]) {
                known.numbers.insert(version.digest, version.version.to_string());
            }
            let granted = approved.grants.capabilities.get("kv").and_then(|kv| kv.get("bytes_max"));
            let bytes_max = granted.and_then(serde_json::Value::as_u64).unwrap_or(KV_BYTES_MAX);
            known.kept_bytes_max.insert(approved.id.clone(), bytes_max);
        }
    }

    /// Which version of each can be called now.
    pub(super) fn serving(&self, lineup: &Lineup) -> BTreeMap<ExtensionId, Serving> {
        let known = self.known();
        let serving = |approved: &Approved| {
            let ApprovedVersion { digest, grants, .. } = approved.serving().filter(|it| known.is_ready(&it.digest))?;
            Some((approved.id.clone(), Serving { digest, grants: Arc::new(grants) }))
        };
        lineup.running().filter_map(serving).collect()
    }

    /// Those that are ready, and have a predecessor that runs in their place.
    pub(super) fn successors(&self, lineup: &Lineup) -> Vec<(ExtensionId, Digest)> {
        let known = self.known();
        let succeeds = |approved: &&Approved| approved.predecessor.is_some() && known.is_ready(&approved.digest);
        lineup.running().filter(succeeds).map(|approved| (approved.id.clone(), approved.digest)).collect()
    }

    /// Dispatch calls these now, and nothing else: what may not run any more is let go. Calls under way keep theirs.
    pub(super) fn called(&self, serving: &BTreeMap<ExtensionId, Serving>) {
        let mut known = self.known();
        let Known { versions, wanted, .. } = &mut *known;
        self.let_go(versions, |digest, _| wanted.contains(digest));
        for digest in serving.values().map(|serving| serving.digest) {
            let was = self.shelf.note(digest, Some(Progress::Running));
            if let Some(version) =
                versions.get(&digest).filter(|version| version.is_news && was != Some(Progress::Running))
            {
                self.tell(&version.about, "running", None);
            }
        }
    }

    /// Nothing is made ready any more, and nothing can be called.
    pub(super) fn end(&self) {
        self.known().versions.clear();
    }

    /// The ids of all that run.
    pub(super) fn running(&self) -> BTreeSet<ExtensionId> {
        self.known().running.clone()
    }

    /// How many bytes what ran last under this id may keep.
    pub(super) fn kept_bytes_max(&self, extension: &ExtensionId) -> u64 {
        self.known().kept_bytes_max.get(extension).copied().unwrap_or(KV_BYTES_MAX)
    }

    /// The version that ran last under this id.
    pub(super) fn latest(&self, extension: &ExtensionId) -> Option<Digest> {
        self.known().latest.get(extension).copied()
    }

    /// The version's number in its manifest.
    pub(super) fn number(&self, digest: &Digest) -> Option<String> {
        self.known().numbers.get(digest).cloned()
    }

    /// The version, if it can be called.
    pub(super) fn linked(&self, digest: &Digest) -> Option<Linked> {
        match &self.known().versions.get(digest)?.stage {
            Stage::Ready(linked) => Some(linked.clone()),
            Stage::Making { .. } | Stage::Unfit => None,
        }
    }

    /// Lets go all versions but those that are kept, and takes them off the board.
    fn let_go(&self, versions: &mut HashMap<Digest, Version>, keep: impl Fn(&Digest, &Version) -> bool) {
        versions.retain(|digest, version| {
            let kept = keep(digest, version);
            if !kept {
                self.shelf.note(*digest, None);
            }
            kept
        });
    }

    /// What may run, in the order in which it is made ready.
    fn wanted(&self, lineup: &Lineup) -> Vec<About> {
        let about = |approved: &Approved, version: ApprovedVersion| About {
            extension: approved.id.clone(),
            version,
            approved_at: approved.at,
        };
        let approved = lineup.running().map(|approved| about(approved, approved.approved_version()));
        let predecessors = lineup.running().filter_map(|approved| Some(about(approved, approved.predecessor.clone()?)));
        let mut wanted: Vec<_> = approved.chain(predecessors).collect();
        wanted.sort_by_key(|about| !about.version.grants.may_decide(&self.vocabulary));
        wanted
    }

    /// Makes a version ready, however often the host fails at it; or finds out that it cannot be called.
    async fn make_ready(self: Arc<Self>, about: About, by_a_person: bool) {
        let digest = about.version.digest;
        let [mut delay, delay_max] = RETRY_AFTER;
        self.shelf.note(digest, Some(Progress::Waiting));
        let mut is_again = false;
        let made = loop {
            let error = match self.make(&about, by_a_person, is_again).await {
                Ok(linked) => break Ok(linked),
                Err(error) if !error.is_host() => break Err(error),
                Err(error) => error,
            };
            tracing::warn!(%error, extension = %about.extension, %digest, "it is tried again to make it ready");
            self.shelf.note(digest, Some(Progress::Unfit(error.unfit())));
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(delay_max);
            is_again = true;
        };
        let mut known = self.known();
        // Nobody may want it any more.
        let Some(version) = known.versions.get_mut(&digest) else { return };
        if version.is_news {
            tracing::trace!(target: "codex_manager::arrow", at = "version_ready", %digest);
        }
        match made {
            Ok(linked) => {
                self.shelf.note(digest, Some(Progress::Ready));
                if version.is_news {
                    self.tell(&about, "ready", None);
                }
                version.stage = Stage::Ready(linked);
            }
            Err(error) => {
                tracing::warn!(%error, extension = %about.extension, %digest, "what was approved cannot be called");
                self.shelf.note(digest, Some(Progress::Unfit(error.unfit())));
                self.tell(&about, "unfit", Some(error.to_string()));
                version.stage = Stage::Unfit;
            }
        }
        self.changes.send_modify(|changes| *changes += 1);
    }

    async fn make(&self, about: &About, by_a_person: bool, is_again: bool) -> Result<Linked, Unready> {
        let (shelf, digest) = (self.shelf.clone(), about.version.digest);
        let copy = spawn_blocking(move || shelf.copy(digest)).await.map_err(|_| CompileFault::Panicked)??;
        let manifest = Manifest::parse_approved(&String::from_utf8_lossy(&copy.manifest), &self.vocabulary)?;
        if by_a_person && !is_again {
            self.code.try_again(Digest::of(&copy.component)).await?;
        }
        let began = || {
            self.shelf.note(digest, Some(Progress::Compiling));
            if !is_again {
                self.tell(about, "compiling", None);
                tracing::trace!(target: "codex_manager::arrow", at = "version_compiling", %digest);
            }
            if let Some(version) = self.known().versions.get_mut(&digest) {
                version.is_news = true;
            }
        };
        let component = self.code.prepare_with(copy.component.into(), began).await?;
        let limits = Limits::default().within(&manifest.limits);
        // They are granted whole, so what this manifest asks for is what was granted with its digest.
        let granted = Grants::asked_by(&manifest).capabilities;
        let store = self.storage.store();
        let (kept, sessions) = (StoreKept(store.clone()), StoreSessions(store.clone()));
        let registry = registry(kept, sessions, Defaults::of(&manifest));
        let linked = Linked::new(self.code.engine(), &registry, &component, manifest.id.clone(), granted, limits)?;
        if !linked.handles_events() {
            return Err(Unready::NoHandler);
        }
        Ok(linked)
    }

    /// Tells how far a version has come.
    fn tell(&self, about: &About, state: &'static str, reason: Option<String>) {
        let About { extension, version, .. } = about;
        let payload = json!({
            "extensionId": extension, "version": version.version, "digest": version.digest, "state": state,
            "reason": reason,
        });
        let event = NewEvent::new("extension_state_changed", None, payload, self.clock.now()).by(Actor::Host);
        // Whoever takes them ends with the store.
        let _ = self.events.send(event);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn is_ready(&self, digest: &Digest) -> bool {
        self.versions.get(digest).is_some_and(|version| matches!(version.stage, Stage::Ready(_)))
    }
}

/// Appends events in their order, until nobody has any more or the store is closed.
async fn tell(storage: Storage, mut events: mpsc::UnboundedReceiver<NewEvent>) {
    while let Some(event) = events.recv().await {
        if let Err(error) = storage.insist(move |tx| tx.append_event(event.clone())).await {
            tracing::warn!(%error, "how far an extension has come was not told");
        }
    }
}

#[cfg(test)]
mod tests {
    use codex_manager_extension::MANIFEST_FILE;
    use codex_manager_model::Actor;
    use jiff::Timestamp;

    use super::super::fixture::{compiled_code, component};
    use super::super::vocabulary;
    use super::*;

    struct House {
        folder: tempfile::TempDir,
        shelf: Shelf,
        versions: Arc<Versions>,
    }

    impl House {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = codex_manager_store::Config { folder: folder.path().join("data"), size_bytes_max: None };
            let (vocabulary, drops) = (Arc::new(vocabulary()), vec![folder.path().join("drops")]);
            let shelf = Shelf::open(&folder.path().join("lock"), drops, Arc::clone(&vocabulary)).unwrap();
            let (code, storage) = (compiled_code(folder.path()).await, Storage::new(store.open().unwrap()));
            let versions = Versions::new(code, vocabulary, storage, shelf.clone(), Clock::system());
            Self { folder, shelf, versions: Arc::new(versions) }
        }

        fn approve(&self, code: &str) -> Digest {
            let manifest = "manifest = 1\n[extension]\nid = \"acme.guard\"\nversion = \"1.0.0\"\nname = \"N\"\n\
                            description = \"D.\"\n[handlers.on-event]\nkinds = [\"approval_resolved\"]\n";
            let guard = self.folder.path().join("drops/guard");
            std::fs::create_dir_all(&guard).unwrap();
            std::fs::write(guard.join(MANIFEST_FILE), manifest).unwrap();
            std::fs::write(guard.join("guard.wasm"), component(code)).unwrap();
            let digest = Digest::of_extension(manifest.as_bytes(), &component(code));
            let id = "acme.guard".parse().unwrap();
            self.shelf.approve(&id, digest, Actor::User, Timestamp::UNIX_EPOCH, None).unwrap();
            digest
        }

        /// Goes on with what is approved, once this is ready.
        async fn follow(&self, ready: Digest) {
            let mut changed = self.versions.changed();
            self.versions.prepare(&self.shelf.lineup());
            changed.wait_for(|_| self.versions.linked(&ready).is_some()).await.unwrap();
        }

        fn serving(&self) -> Vec<Digest> {
            self.versions.serving(&self.shelf.lineup()).values().map(|serving| serving.digest).collect()
        }
    }

    #[tokio::test]
    async fn what_was_replaced_is_called_until_the_next_is_ready_and_dispatch_has_switched() {
        let house = House::new().await;
        let old = house.approve("old");
        assert!(house.serving().is_empty(), "it is not compiled");
        house.follow(old).await;
        assert_eq!(house.serving(), [old]);
        let new = house.approve("new");
        assert_eq!(house.serving(), [old], "the new one is not compiled");
        house.follow(new).await;
        let [(id, ready)] = &house.versions.successors(&house.shelf.lineup())[..] else { panic!("there is one") };
        assert_eq!(*ready, new);
        assert!(house.shelf.succeed(id, *ready).unwrap());
        let lineup = house.shelf.lineup();
        house.versions.prepare(&lineup);
        assert_eq!(house.serving(), [new]);
        assert!(house.versions.linked(&old).is_some(), "dispatch may call it still");
        house.versions.called(&house.versions.serving(&lineup));
        assert!(house.versions.linked(&old).is_none() && house.versions.linked(&new).is_some());
    }
}
