//! One invocation while it runs: what a capability finds when a guest calls it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::journal::Journal;
use crate::limiter::Limiter;
use crate::log_lines::{Level, LogLines};
use crate::meter::Meter;
use crate::{Effects, ExtensionId, JournalEntry, Limits, Record, wasi};

/// The parameters of each capability that was granted, by its name in a manifest.
pub type Granted = BTreeMap<String, Map<String, Value>>;

/// The state of one call into an extension.
pub struct Invocation {
    caller: Arc<Caller>,
    session: Option<String>,
    effects: Effects,
    journal: Journal,
    log: LogLines,
    wasi: WasiCtx,
    table: ResourceTable,
    pub(crate) limiter: Limiter,
    pub(crate) meter: Meter,
}

/// Who is called, with what it was granted.
pub(crate) struct Caller {
    pub(crate) extension: ExtensionId,
    pub(crate) granted: Granted,
    pub(crate) limits: Limits,
}

/// What is left of an invocation when it is over.
pub(crate) struct Remains {
    pub(crate) effects: Effects,
    pub(crate) journal: Vec<JournalEntry>,
    pub(crate) log: LogLines,
    pub(crate) memory_bytes: usize,
    pub(crate) memory_refused: bool,
}

impl Invocation {
    pub(crate) fn new(caller: Arc<Caller>, record: &Record, session: Option<String>) -> Self {
        let limits = &caller.limits;
        let log = LogLines::new(limits.log_bytes, limits.log_lines);
        Self {
            session,
            effects: Effects::default(),
            journal: Journal::default(),
            wasi: wasi::context(record, &log),
            log,
            table: ResourceTable::new(),
            limiter: Limiter::new(limits.memory_bytes),
            meter: Meter::default(),
            caller,
        }
    }

    /// The extension that calls.
    pub fn extension(&self) -> &ExtensionId {
        &self.caller.extension
    }

    /// With which parameters this capability was granted to it; `None` if it was not.
    pub fn parameters(&self, capability: &str) -> Option<&Map<String, Value>> {
        self.caller.granted.get(capability)
    }

    /// What it may use.
    pub fn limits(&self) -> &Limits {
        &self.caller.limits
    }

    /// The session that the event concerns.
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// The value of this type, kept for the length of the invocation. If the handler returns without a failure, it is
    /// found in the [`Effects`].
    pub fn state<T: Default + Send + 'static>(&mut self) -> &mut T {
        self.effects.get()
    }

    /// Writes into the journal what a capability was asked and what it is about to answer.
    ///
    /// # Errors
    ///
    /// To be handed on: they end the invocation, because it called too often or has read too much.
    pub fn journal(
        &mut self,
        capability: &str,
        function: &str,
        arguments: Value,
        answer: &impl Serialize,
    ) -> wasmtime::Result<()> {
        let answer = serde_json::to_value(answer)?;
        let (capability, function) = (capability.to_owned(), function.to_owned());
        let limits = &self.caller.limits;
        let entry = JournalEntry { capability, function, arguments, answer };
        Ok(self.journal.add(entry, limits.host_calls, limits.journal_bytes)?)
    }

    /// Adds to the invocation's log.
    ///
    /// # Errors
    ///
    /// To be handed on: it ends the invocation, because the log is full.
    pub fn log(&mut self, level: Level, message: &str) -> wasmtime::Result<()> {
        Ok(self.log.write(level, message)?)
    }

    /// Closes it. Its standard output and error end here.
    pub(crate) fn into_remains(self) -> Remains {
        Remains {
            effects: self.effects,
            journal: self.journal.into_entries(),
            log: self.log,
            memory_bytes: self.limiter.bytes(),
            memory_refused: self.limiter.refused(),
        }
    }
}

impl WasiView for Invocation {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
