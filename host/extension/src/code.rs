//! Compiled code, kept between runs: what came of each component, and where its machine code lies.
//!
//! ```text
//! <folder>/<digest of the code>    machine code, as a compiler made it for this engine
//! the ledger                       component, engine ─► the digest of its code, or why it has none
//! ```
//!
//! The folder alone says nothing: only bytes whose digest the ledger has recorded are loaded, and what is damaged, missing
//! or unknown is compiled again. A component that the compiler refuses is not tried again until a person says so; what
//! the host could not do is no verdict.

mod file_ledger;
mod folder;
mod jobs;
mod ledger;
mod loading;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use codex_manager_model::limits;
use futures_util::future::Abortable;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

pub use file_ledger::FileLedger;
use folder::CodeFolder;
pub(crate) use folder::Part;
pub use jobs::Progress;
use jobs::{Job, Jobs};
pub use ledger::{CodeLedger, CodeVerdict, LedgerError, MemoryLedger};
pub(crate) use loading::Code;

use crate::compiler::Uncompiled;
use crate::component::check_form;
use crate::{CompileFault, CompileLimits, Compiler, Component, ComponentError, Digest, Engine};

/// How compiled code is kept and made.
pub struct CodeConfig {
    /// Where it is kept. The folder must be one that only the host can write to, and nothing else may lie in it: what is
    /// not known there is removed.
    pub folder: PathBuf,
    /// Where it is recorded what came of each component.
    pub ledger: Arc<dyn CodeLedger>,
    /// Who compiles.
    pub compiler: Compiler,
    /// The bounds of the lane of components of up to
    /// [`EXTENSION_COMPILE_SMALL_BYTES`](limits::EXTENSION_COMPILE_SMALL_BYTES). One is compiled at a time.
    pub small: CompileLimits,
    /// The bounds of the lane of all others. One is compiled at a time, beside a small one.
    pub large: CompileLimits,
}

/// Compiled code for one engine. Clones are the same.
#[derive(Clone)]
pub struct CompiledCode(Arc<Inner>);

struct Inner {
    engine: Engine,
    folder: CodeFolder,
    ledger: Arc<dyn CodeLedger>,
    compiler: Compiler,
    small: Lane,
    large: Lane,
    /// What the ledger says.
    verdicts: Mutex<BTreeMap<Digest, CodeVerdict>>,
    jobs: Jobs,
}

/// Where components are compiled one after the other.
struct Lane {
    limits: CompileLimits,
    place: Semaphore,
}

impl CodeConfig {
    /// With the usual bounds.
    pub fn new(folder: PathBuf, ledger: Arc<dyn CodeLedger>, compiler: Compiler) -> Self {
        Self { folder, ledger, compiler, small: CompileLimits::SMALL, large: CompileLimits::LARGE }
    }
}

impl CompiledCode {
    /// Opens what is kept for the engine; makes the folder if it is not there, and removes from it what the ledger does
    /// not name.
    ///
    /// # Errors
    ///
    /// [`CompileFault`], when the folder or the ledger cannot be used.
    pub async fn open(engine: Engine, config: CodeConfig) -> Result<Self, CompileFault> {
        let CodeConfig { folder, ledger, compiler, small, large } = config;
        let recorded =
            ledger.open(engine.id(), limits::EXTENSION_CODES_KEPT_MAX).await.map_err(CompileFault::Ledger)?;
        let verdicts: BTreeMap<_, _> = recorded.into_iter().collect();
        let named: BTreeSet<_> = verdicts.values().filter_map(CodeVerdict::code).collect();
        let opened = spawn_blocking(move || CodeFolder::open(folder, &named)).await;
        let folder = opened.map_err(|_| CompileFault::Panicked)??;
        let lane = |limits| Lane { limits, place: Semaphore::new(1) };
        let (small, large, verdicts) = (lane(small), lane(large), Mutex::new(verdicts));
        Ok(Self(Arc::new(Inner { engine, folder, ledger, compiler, small, large, verdicts, jobs: Jobs::default() })))
    }

    /// The engine that it is for.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// A component whose code is kept: milliseconds, and nobody is waited for. `None` if it is to be
    /// [prepared](Self::prepare) first. Blocks for as long as its code is read.
    ///
    /// # Errors
    ///
    /// [`ComponentError::Refused`], if that is what came of it.
    pub fn load(&self, component: &Digest) -> Result<Option<Component>, ComponentError> {
        match self.verdict(component) {
            None => Ok(None),
            Some(CodeVerdict::Refused { sentence }) => Err(ComponentError::Refused { sentence }),
            // One that is not as it was recorded, or no longer fits, is compiled again.
            Some(CodeVerdict::Ready { code }) => {
                let Some(code) = self.0.folder.read(&code) else { return Ok(None) };
                Ok(code.load(&self.0.engine).ok().map(|compiled| Component::of(compiled, *component)))
            }
        }
    }

    /// Makes a component ready: loads its code if it is kept, and else compiles it, in its turn, and keeps what comes of
    /// it. Whoever drops this stops it.
    ///
    /// # Errors
    ///
    /// [`ComponentError`]: it [is the host's](ComponentError::is_host), to be tried again, or the component's, which is
    /// recorded.
    pub async fn prepare(&self, component: Bytes) -> Result<Component, ComponentError> {
        self.prepare_with(component, || ()).await
    }

    /// The same; `begun` is called when its compiler begins.
    ///
    /// # Errors
    ///
    /// As [`prepare`](Self::prepare).
    pub async fn prepare_with(
        &self,
        component: Bytes,
        begun: impl FnOnce() + Send,
    ) -> Result<Component, ComponentError> {
        check_form(&component)?;
        let bytes = component.clone();
        let digest = spawn_blocking(move || Digest::of(&bytes)).await.map_err(|_| CompileFault::Panicked)?;
        let (job, registration) = self.0.jobs.begin(digest);
        let prepared = Abortable::new(self.prepared(digest, component, &job, begun), registration).await;
        prepared.unwrap_or_else(|_| Err(CompileFault::Stopped.into()))
    }

    /// Stops whoever prepares the component.
    pub fn stop(&self, component: &Digest) {
        self.0.jobs.stop(component);
    }

    /// What is being done to make the component ready, if anything is.
    pub fn progress(&self, component: &Digest) -> Option<Progress> {
        self.0.jobs.progress(component)
    }

    /// What came of the component, if anything did.
    pub fn verdict(&self, component: &Digest) -> Option<CodeVerdict> {
        self.verdicts().get(component).cloned()
    }

    /// Forgets that the component was refused, so that it is tried again. A person says so.
    ///
    /// # Errors
    ///
    /// [`CompileFault::Ledger`].
    pub async fn try_again(&self, component: Digest) -> Result<(), CompileFault> {
        match self.verdict(&component) {
            Some(CodeVerdict::Refused { .. }) => self.forget(component).await,
            _ => Ok(()),
        }
    }

    /// Forgets what came of the component, and removes its code.
    ///
    /// # Errors
    ///
    /// [`CompileFault::Ledger`].
    pub async fn forget(&self, component: Digest) -> Result<(), CompileFault> {
        self.0.ledger.forget(self.0.engine.id(), component).await.map_err(CompileFault::Ledger)?;
        let forgotten = self.verdicts().remove(&component);
        if let Some(code) = forgotten.as_ref().and_then(CodeVerdict::code)
            && !self.verdicts().values().any(|verdict| verdict.code() == Some(code))
        {
            self.0.folder.remove(&code);
        }
        Ok(())
    }

    async fn prepared(
        &self,
        digest: Digest,
        component: Bytes,
        job: &Job,
        begun: impl FnOnce(),
    ) -> Result<Component, ComponentError> {
        if let Some(ready) = self.loaded(digest).await? {
            return Ok(ready);
        }
        let lane = match component.len() <= limits::EXTENSION_COMPILE_SMALL_BYTES {
            true => &self.0.small,
            false => &self.0.large,
        };
        let _place = lane.place.acquire().await.expect("the lanes are never closed");
        // Another may have prepared it meanwhile.
        if let Some(ready) = self.loaded(digest).await? {
            return Ok(ready);
        }
        job.compiles();
        begun();
        let code = match self.compiled(component, lane.limits).await {
            Ok(code) => code,
            Err(Uncompiled::Refused(refusal)) => return self.refused(digest, refusal.to_string()).await,
            Err(Uncompiled::Fault(fault)) => return Err(fault.into()),
        };
        self.record(digest, CodeVerdict::Ready { code }).await;
        self.fresh(digest, code).await
    }

    /// [`load`](Self::load), off the async threads.
    async fn loaded(&self, component: Digest) -> Result<Option<Component>, ComponentError> {
        let code = self.clone();
        spawn_blocking(move || code.load(&component)).await.unwrap_or(Err(CompileFault::Panicked.into()))
    }

    async fn compiled(&self, component: Bytes, limits: CompileLimits) -> Result<Digest, Uncompiled> {
        let mut part = self.0.folder.part().await?;
        self.0.compiler.compile(&self.0.engine, limits, component, &mut part).await?;
        Ok(part.keep().await?)
    }

    /// Loads code that was compiled a moment ago. If it does not fit the engine, it never will.
    async fn fresh(&self, digest: Digest, code: Digest) -> Result<Component, ComponentError> {
        let this = self.clone();
        let load = move || {
            let code = this.0.folder.read(&code).ok_or(CompileFault::Lost)?;
            code.load(&this.0.engine).map(|compiled| Component::of(compiled, digest))
        };
        match spawn_blocking(load).await.unwrap_or(Err(CompileFault::Panicked.into())) {
            Err(ComponentError::Refused { sentence }) => {
                self.0.folder.remove(&code);
                self.refused(digest, sentence).await
            }
            loaded => loaded,
        }
    }

    async fn refused(&self, component: Digest, sentence: String) -> Result<Component, ComponentError> {
        self.record(component, CodeVerdict::Refused { sentence: sentence.clone() }).await;
        Err(ComponentError::Refused { sentence })
    }

    /// Keeps what came of a component. Where that cannot be recorded it holds for this run: nobody compiles it again before
    /// the next one.
    async fn record(&self, component: Digest, verdict: CodeVerdict) {
        self.verdicts().insert(component, verdict.clone());
        if let Err(error) = self.0.ledger.record(self.0.engine.id(), component, verdict).await {
            tracing::warn!(error = %error, %component, "what came of compiling it is not recorded, and holds for this run");
        }
    }

    fn verdicts(&self) -> MutexGuard<'_, BTreeMap<Digest, CodeVerdict>> {
        self.0.verdicts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
