//! The ledger: what came of each component, for each engine.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{Digest, EngineId};

/// What came of compiling a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeVerdict {
    /// It has code.
    Ready {
        /// The digest of its code.
        code: Digest,
    },
    /// It has none, and will not have any.
    Refused {
        /// Why.
        sentence: String,
    },
}

impl CodeVerdict {
    /// The digest of its code.
    pub fn code(&self) -> Option<Digest> {
        match self {
            Self::Ready { code } => Some(*code),
            Self::Refused { .. } => None,
        }
    }
}

/// Why the ledger cannot be read or written.
pub type LedgerError = Box<dyn std::error::Error + Send + Sync>;

/// Where the host records what came of each component. What it names is run as machine code, so nobody else may write it.
#[async_trait]
pub trait CodeLedger: Send + Sync {
    /// What is recorded for the engine, the newest `most` of it. Everything else is removed, above all what is recorded
    /// for engines that were.
    async fn open(&self, engine: EngineId, most: u32) -> Result<Vec<(Digest, CodeVerdict)>, LedgerError>;

    /// Records what came of a component, in place of what was recorded before. It must be durable when this returns.
    async fn record(&self, engine: EngineId, component: Digest, verdict: CodeVerdict) -> Result<(), LedgerError>;

    /// Removes what is recorded of a component.
    async fn forget(&self, engine: EngineId, component: Digest) -> Result<(), LedgerError>;
}

/// A ledger that lasts as long as the process: for tests, and for programs that compile everything at each start.
#[derive(Debug, Default)]
pub struct MemoryLedger(Mutex<BTreeMap<(EngineId, Digest), CodeVerdict>>);

#[async_trait]
impl CodeLedger for MemoryLedger {
    async fn open(&self, engine: EngineId, _: u32) -> Result<Vec<(Digest, CodeVerdict)>, LedgerError> {
        let mut recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.retain(|(of, _), _| *of == engine);
        Ok(recorded.iter().map(|((_, component), verdict)| (*component, verdict.clone())).collect())
    }

    async fn record(&self, engine: EngineId, component: Digest, verdict: CodeVerdict) -> Result<(), LedgerError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((engine, component), verdict);
        Ok(())
    }

    async fn forget(&self, engine: EngineId, component: Digest) -> Result<(), LedgerError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(engine, component));
        Ok(())
    }
}
