//! What came of compiling each component, in the store.

use async_trait::async_trait;
use codex_manager_extension::{CodeLedger, CodeVerdict, Digest, EngineId, LedgerError};
use codex_manager_store::{CompiledCode, Error, Store};

/// The store, as the ledger of compiled code.
pub(super) struct StoreLedger(pub(super) Store);

#[async_trait]
impl CodeLedger for StoreLedger {
    async fn open(&self, engine: EngineId, most: u32) -> Result<Vec<(Digest, CodeVerdict)>, LedgerError> {
        let engine = engine.to_string();
        let (pruned, read) = (engine.clone(), engine);
        // A disk that is full keeps nobody from starting.
        if let Err(error) = self.0.write(move |tx| tx.prune_compiled_code(&pruned, most)).await {
            let error: Error = error;
            tracing::warn!(%error, "what was compiled for other engines is still recorded");
        }
        let recorded: Result<Vec<CompiledCode>, Error> = self.0.read(move |view| view.compiled_code(&read)).await;
        Ok(recorded?.into_iter().take(most as usize).filter_map(understood).collect())
    }

    async fn record(&self, engine: EngineId, component: Digest, verdict: CodeVerdict) -> Result<(), LedgerError> {
        let outcome = match verdict {
            CodeVerdict::Ready { code } => Ok(code.to_string()),
            CodeVerdict::Refused { sentence } => Err(sentence),
        };
        let (engine, of) = (engine.to_string(), CompiledCode { component: component.to_string(), outcome });
        let written = self.0.write(move |tx| tx.put_compiled_code(&engine, &of)).await;
        written.map_err(|error: Error| error.into())
    }

    async fn forget(&self, engine: EngineId, component: Digest) -> Result<(), LedgerError> {
        let (engine, component) = (engine.to_string(), component.to_string());
        let written = self.0.write(move |tx| tx.drop_compiled_code(&engine, &component)).await;
        written.map(drop).map_err(|error: Error| error.into())
    }
}

/// What is recorded, if it can be understood; else it is compiled again.
fn understood(of: CompiledCode) -> Option<(Digest, CodeVerdict)> {
    let component = of.component.clone();
    verdict(of)
        .inspect_err(|error| tracing::warn!(%error, component, "what came of compiling it is not understood"))
        .ok()
}

fn verdict(of: CompiledCode) -> Result<(Digest, CodeVerdict), LedgerError> {
    let verdict = match of.outcome {
        Ok(code) => CodeVerdict::Ready { code: code.parse()? },
        Err(sentence) => CodeVerdict::Refused { sentence },
    };
    Ok((of.component.parse()?, verdict))
}
