//! The runner: the engine and everything around it, from opening to the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codex_manager_extension::dispatch::{Dispatch, Driver, Marks};
use codex_manager_extension::{
    self as extension, Allocation, CodeConfig, CompileFault, CompiledCode, Compiler, Engine, EngineError, ExtensionId,
};
use codex_manager_model::limits::EXTENSION_EVENTS_PAGE_MAX;
use codex_manager_model::{Clock, Seq};
use codex_manager_store::{Error, Tx};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};
use tokio_util::sync::CancellationToken;

use super::begun::Begun;
use super::commit::{Commits, Committer};
use super::feed::Feed;
use super::follow::Follow;
use super::host::Host;
use super::ledger::StoreLedger;
use super::shelf::{Overview, Shelf};
use super::tally::Tally;
use super::versions::Versions;
use super::vocabulary;
use crate::outbox::Outbox;
use crate::storage::{Storage, StorageState};

/// How long calls under way may take to end when the daemon does.
const GRACE: Duration = Duration::from_secs(2);

/// What a runner is made of.
pub(crate) struct Config {
    /// Where the lock lies, and what belongs beside it.
    pub(crate) folder: PathBuf,
    pub(crate) shelf: Shelf,
    pub(crate) storage: Storage,
    pub(crate) outbox: Outbox,
    pub(crate) clock: Clock,
    /// Who compiles what is approved.
    pub(crate) compiler: Compiler,
}

/// A runner that has not begun.
pub(crate) struct Runner {
    dispatch: Dispatch,
    host: Host,
    committer: Committer,
    follow: Follow,
    engine: Engine,
}

/// How extensions are run, for health and metrics.
#[derive(Clone)]
pub(crate) struct Status {
    engine: Engine,
    shelf: Shelf,
    tally: Tally,
}

/// Why no extension can be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// There is no engine.
    #[error("the engine cannot be started")]
    Engine(#[from] EngineError),
    /// Compiled code cannot be kept.
    #[error("compiled code cannot be kept")]
    Code(#[from] CompileFault),
    /// The list of what is about to run cannot be kept.
    #[error("cannot use {}", path.display())]
    Begun {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The store does not say where the extensions stand.
    #[error("the store cannot be read")]
    Store(#[from] Error),
}

impl Config {
    /// Starts the engine and finds out where each extension stands. Nothing of any of them runs.
    ///
    /// # Errors
    /// [`OpenError`], which names the thing.
    pub(crate) async fn open(self) -> Result<Runner, OpenError> {
        let Self { folder, shelf, storage, outbox, clock, compiler } = self;
        let changed = shelf.changed();
        let (engine, lineup) = {
            let shelf = shelf.clone();
            let opened = spawn_blocking(move || Ok((extension::Config::default().build()?, shelf.lineup()))).await;
            opened.expect("opening an engine does not panic").map_err(OpenError::Engine)?
        };
        let (store, vocabulary) = (storage.store().clone(), Arc::new(vocabulary()));
        let ledger = Arc::new(StoreLedger(store.clone()));
        let code = CodeConfig::new(folder.join("compiled"), ledger, compiler);
        let code = CompiledCode::open(engine.clone(), code).await?;
        let versions = Versions::new(code, Arc::clone(&vocabulary), storage.clone(), shelf.clone(), clock.clone());
        let versions = Arc::new(versions);
        versions.prepare(&lineup);
        versions.run(&lineup);
        let running = lineup.ids();
        let (marks, head) = store.write(move |tx| places(tx, &running)).await?;
        let begun = Arc::new(open_begun(&folder, &marks)?);
        let dispatch = Dispatch::new(vocabulary, lineup.roster(&versions.serving(&lineup)), marks, head);
        let (commits, committer) = Commits::new(storage.clone(), outbox, Arc::clone(&begun), Arc::clone(&versions));
        let follow = Follow::new(shelf.clone(), changed, &lineup, Arc::clone(&versions), storage.clone());
        let feed = Feed::new(storage.clone(), Arc::clone(&begun), clock.clone());
        let calls = Mutex::new(HashMap::new());
        let host = Host { storage, shelf, versions, begun, commits, feed, clock, calls };
        Ok(Runner { dispatch, host, committer, follow, engine })
    }
}

impl Runner {
    /// What may run.
    pub(crate) fn shelf(&self) -> &Shelf {
        &self.host.shelf
    }

    /// What health and metrics tell of it.
    pub(crate) fn status(&self) -> Status {
        Status { engine: self.engine.clone(), shelf: self.host.shelf.clone(), tally: self.committer.tally() }
    }

    /// Runs what is approved until told to stop. Then no further event is told, and calls under way get a moment; what
    /// they do not end in is told again by the next start.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let Self { dispatch, host, committer, follow, .. } = self;
        let (begun, storage, versions) = (Arc::clone(&host.begun), host.storage.clone(), Arc::clone(&host.versions));
        // What is pending is told of to those that have fallen behind as well.
        let (feed, head) = (host.feed.clone(), dispatch.head());
        let least = dispatch.lows().map(|(_, low)| low).min().unwrap_or(head);
        let waiting = EXTENSION_EVENTS_PAGE_MAX as usize;
        let ((tell_events, events), (tell_news, news)) = (mpsc::channel(waiting), mpsc::channel(waiting));
        // These end when they are dropped, which closes the channels.
        let mut telling = JoinSet::new();
        telling.spawn(feed.clone().ahead(least, tell_news.clone()));
        telling.spawn(follow.run(tell_news));
        telling.spawn(feed.in_order(head, tell_events));
        let committing = tokio::spawn(committer.run());
        let driving = Driver::new(dispatch, Arc::new(host)).run(events, news);
        tokio::select! {
            _ = driving => {}
            () = async {
                stop.cancelled().await;
                telling.shutdown().await;
                tokio::time::sleep(GRACE).await;
            } => tracing::info!("extensions were called off, and are told again"),
        }
        versions.end();
        // Whoever has joined the line is still recorded.
        if let Err(error) = committing.await {
            tracing::error!(%error, "recording what extensions did has failed");
        }
        if !matches!(storage.state(), StorageState::GivenUp(_)) {
            begun.leave();
        }
    }
}

impl Status {
    /// How all that was approved stands. Reads no file.
    pub(crate) fn overview(&self) -> Overview {
        self.shelf.overview()
    }

    /// What their calls came to.
    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How the engine makes places for them.
    pub(crate) fn allocation(&self) -> &Allocation {
        self.engine.allocation()
    }
}

/// Where each extension that runs stands, and the end of the log. Of those that do not run nothing is kept, and one that
/// has no place yet starts at the end.
fn places(tx: &Tx<'_>, running: &BTreeSet<ExtensionId>) -> Result<(BTreeMap<ExtensionId, Marks>, Seq), Error> {
    let head = tx.event_bounds()?.head;
    for gone in tx.marked()?.iter().filter(|id| !running.iter().any(|running| running.as_str() == *id)) {
        tx.forget_marks(gone)?;
    }
    let mut places = BTreeMap::new();
    for id in running {
        if tx.marks_low(id.as_str())?.is_none() {
            tx.set_marks_low(id.as_str(), head)?;
        }
        let low = tx.marks_low(id.as_str())?.unwrap_or(head);
        places.insert(id.clone(), Marks::starting_after(low, tx.marks(id.as_str())?));
    }
    Ok((places, head))
}

/// What has no place any more was begun by one that is gone.
fn open_begun(folder: &Path, marks: &BTreeMap<ExtensionId, Marks>) -> Result<Begun, OpenError> {
    let path = folder.join("begun");
    let is_done = |extension: &ExtensionId, seq| marks.get(extension).is_none_or(|marks| marks.is_done(seq));
    Begun::open(&path, is_done).map_err(|source| OpenError::Begun { path, source })
}
