//! The versions that run: approved copies, compiled and linked once each.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use codex_manager_extension::{
    Component, ComponentError, Digest, Engine, ExtensionId, Grants, Limits, LinkError, Linked, LockError, Manifest,
    ManifestError, Unfinished, Vocabulary,
};
use codex_manager_model::limits::KV_BYTES_MAX;
use codex_manager_store::Store;
use futures_util::StreamExt as _;
use tokio::sync::OnceCell;

use super::Shelf;
use super::kept::StoreKept;
use super::reader::StoreSessions;
use super::registry::registry;
use super::settings::Defaults;
use super::shelf::{Lineup, Unfit};

/// How many are made ready at once: more than are compiled at once, so that those whose code is kept pass by.
const WARM_MAX: usize = 8;

/// What is ready to be called.
pub(super) struct Versions {
    engine: Engine,
    vocabulary: Arc<Vocabulary>,
    store: Store,
    shelf: Shelf,
    known: Mutex<Known>,
}

/// What runs, and what has run in this life of the host.
#[derive(Default)]
struct Known {
    /// What runs, and what dispatch may still call.
    ready: HashMap<Digest, Arc<OnceCell<Linked>>>,
    running: BTreeSet<ExtensionId>,
    latest: BTreeMap<ExtensionId, Digest>,
    numbers: BTreeMap<Digest, String>,
    /// Those that may decide, of what has run.
    deciders: BTreeSet<Digest>,
    /// The quotas that were granted.
    kept_bytes_max: BTreeMap<ExtensionId, u64>,
}

/// Why an approved version cannot be called.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unready {
    /// Its bytes cannot be had.
    #[error(transparent)]
    Copy(#[from] LockError),
    /// It asks for what this host no longer has.
    #[error("its manifest no longer fits this host: {0}")]
    Manifest(#[from] ManifestError),
    /// Its code does not compile.
    #[error("its component cannot run: {0}")]
    Component(#[from] ComponentError),
    /// Its code does not fit what it was granted.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// There is nothing in it to call.
    #[error("its component has no handler of events")]
    NoHandler,
    /// The host could not do the work.
    #[error("the host could not compile it")]
    Host,
}

impl Unready {
    /// Whether it speaks against the extension.
    pub(super) const fn is_fatal(&self) -> bool {
        !matches!(self, Self::Copy(LockError::Io { .. }) | Self::Component(ComponentError::Unfinished(_)) | Self::Host)
    }

    fn unfit(&self) -> Unfit {
        let next_step = match self {
            Self::Copy(LockError::Copy { .. }) => "approve it again by its digest",
            Self::Copy(_) | Self::Host => "see the daemon's log",
            Self::Component(ComponentError::Unfinished(Unfinished::TooLong)) => {
                "build it smaller and approve that; it runs if its compiler comes to an end after all"
            }
            Self::Component(ComponentError::Unfinished(_)) => "it is tried again with the next event",
            Self::Manifest(_) | Self::Component(_) | Self::Link(_) | Self::NoHandler => {
                "build it for this host and approve that, or disable it"
            }
        };
        Unfit { fault: self.to_string(), next_step }
    }
}

impl Versions {
    pub(super) fn new(engine: Engine, vocabulary: Arc<Vocabulary>, store: Store, shelf: Shelf) -> Self {
        Self { engine, vocabulary, store, shelf, known: Mutex::default() }
    }

    /// From now on these run. What no longer does stays ready until it is [let go](Self::let_go).
    pub(super) fn run(&self, lineup: &Lineup) {
        let mut known = self.known();
        known.running = lineup.ids();
        for approved in lineup.running() {
            known.latest.insert(approved.id.clone(), approved.digest);
            let granted = approved.grants.capabilities.get("kv").and_then(|kv| kv.get("bytes_max"));
            let bytes_max = granted.and_then(serde_json::Value::as_u64).unwrap_or(KV_BYTES_MAX);
            known.kept_bytes_max.insert(approved.id.clone(), bytes_max);
            known.numbers.insert(approved.digest, approved.version.to_string());
            if self.may_decide(&approved.grants) {
                known.deciders.insert(approved.digest);
            }
            known.ready.entry(approved.digest).or_default();
        }
    }

    /// Lets go what does not run, now that dispatch calls it no more. Calls under way keep theirs.
    pub(super) fn let_go(&self) {
        let mut known = self.known();
        let wanted: BTreeSet<_> = known.running.iter().filter_map(|id| known.latest.get(id)).copied().collect();
        known.ready.retain(|digest, cell| wanted.contains(digest) || Arc::strong_count(cell) > 1);
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

    /// The version, compiled and linked if it was not before.
    pub(super) async fn ready(self: &Arc<Self>, digest: Digest) -> Result<Linked, Unready> {
        // One that was let go a moment ago is made ready for this call alone.
        let cell = self.known().ready.get(&digest).cloned().unwrap_or_default();
        let versions = Arc::clone(self);
        let make = || async move {
            let made = tokio::task::spawn_blocking(move || versions.make(digest));
            made.await.unwrap_or(Err(Unready::Host))
        };
        let ready = cell.get_or_try_init(make).await.cloned();
        self.shelf.note(digest, ready.as_ref().err().map(Unready::unfit));
        ready
    }

    /// Makes ready what runs, so that the first event does not wait for the compiler: first who may decide, because
    /// somebody waits for that.
    pub(super) async fn warm(self: Arc<Self>) {
        let mut digests: Vec<_> = {
            let known = self.known();
            let running = known.running.iter().filter_map(|extension| known.latest.get(extension));
            running.map(|digest| (!known.deciders.contains(digest), *digest)).collect()
        };
        digests.sort_by_key(|(waits, _)| *waits);
        let versions = &self;
        let warm = |(_, digest)| async move {
            if let Err(error) = versions.ready(digest).await {
                tracing::warn!(%error, %digest, "an approved extension cannot be made ready");
            }
        };
        futures_util::stream::iter(digests).for_each_concurrent(WARM_MAX, warm).await;
    }

    fn may_decide(&self, grants: &Grants) -> bool {
        let action = |kind: &String| self.vocabulary.actions.get(kind);
        grants.actions.iter().filter_map(action).any(|action| action.verdict.is_some())
    }

    fn make(&self, digest: Digest) -> Result<Linked, Unready> {
        let copy = self.shelf.copy(digest)?;
        let manifest = Manifest::parse_approved(&String::from_utf8_lossy(&copy.manifest), &self.vocabulary)?;
        let component = Component::compile(&self.engine, &copy.component)?;
        let limits = Limits::default().within(&manifest.limits);
        // They are granted whole, so what this manifest asks for is what was granted with its digest.
        let granted = Grants::asked_by(&manifest).capabilities;
        let (kept, sessions) = (StoreKept(self.store.clone()), StoreSessions(self.store.clone()));
        let registry = registry(kept, sessions, Defaults::of(&manifest));
        let linked = Linked::new(&self.engine, &registry, &component, manifest.id.clone(), granted, limits)?;
        if !linked.handles_events() {
            return Err(Unready::NoHandler);
        }
        Ok(linked)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use codex_manager_extension::MANIFEST_FILE;
    use codex_manager_model::Actor;
    use jiff::Timestamp;

    use super::super::{fixture::component, vocabulary};
    use super::*;

    #[tokio::test]
    async fn what_was_replaced_stays_ready_until_dispatch_has_switched_and_no_call_needs_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = codex_manager_store::Config { folder: folder.path().join("data"), size_bytes_max: None };
        let vocabulary = Arc::new(vocabulary());
        let drops = folder.path().join("drops");
        let shelf = Shelf::open(&folder.path().join("lock"), vec![drops.clone()], Arc::clone(&vocabulary)).unwrap();
        let approve = |code: &str| {
            let manifest = "manifest = 1\n[extension]\nid = \"acme.guard\"\nversion = \"1.0.0\"\nname = \"N\"\n\
                            description = \"D.\"\n[handlers.on-event]\nkinds = [\"approval_resolved\"]\n";
            std::fs::create_dir_all(drops.join("guard")).unwrap();
            std::fs::write(drops.join("guard").join(MANIFEST_FILE), manifest).unwrap();
            std::fs::write(drops.join("guard/guard.wasm"), component(code)).unwrap();
            let digest = Digest::of_extension(manifest.as_bytes(), &component(code));
            shelf.approve(&"acme.guard".parse().unwrap(), digest, Actor::User, Timestamp::UNIX_EPOCH).unwrap();
            digest
        };
        let engine = codex_manager_extension::Config::default().build().unwrap();
        let versions = Versions::new(engine, vocabulary, store.open().unwrap(), shelf.clone());
        let old = approve("old");
        versions.run(&shelf.lineup());
        let new = approve("new");
        versions.run(&shelf.lineup());
        let cell = versions.known().ready.get(&old).cloned().expect("it is still called");
        versions.let_go();
        assert!(versions.known().ready.contains_key(&old), "somebody waits for it");
        drop(cell);
        versions.let_go();
        assert_eq!(versions.known().ready.keys().collect::<Vec<_>>(), [&new]);
    }
}
