//! A ledger in one file.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::{CodeLedger, CodeVerdict, LedgerError};
use crate::disk::read_bounded;
use crate::{Digest, EngineId};

/// The longest file that is read.
const FILE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A ledger for programs that have no database: one file, written anew with each word. It must lie where only the host can
/// write, and not in the folder of code. What cannot be understood in it is taken for nothing: then all is compiled again.
#[derive(Clone)]
pub struct FileLedger(Arc<Inner>);

struct Inner {
    path: PathBuf,
    recorded: Mutex<Recorded>,
}

#[derive(Default, Serialize, Deserialize)]
struct Recorded {
    engine: Option<EngineId>,
    verdicts: BTreeMap<Digest, CodeVerdict>,
}

impl FileLedger {
    /// The ledger in this file, which need not be there yet. Its folder must be.
    pub fn new(path: PathBuf) -> Self {
        let read = read_bounded(&path, FILE_BYTES_MAX).ok();
        let recorded = read.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        Self(Arc::new(Inner { path, recorded: Mutex::new(recorded) }))
    }

    async fn change<T: Send + 'static>(
        &self,
        engine: EngineId,
        change: impl FnOnce(&mut Recorded) -> T + Send + 'static,
    ) -> Result<T, LedgerError> {
        let this = Arc::clone(&self.0);
        let changed = spawn_blocking(move || {
            let mut recorded = this.recorded.lock().unwrap_or_else(PoisonError::into_inner);
            if recorded.engine != Some(engine) {
                *recorded = Recorded { engine: Some(engine), verdicts: BTreeMap::new() };
            }
            let changed = change(&mut recorded);
            this.write(&recorded)?;
            io::Result::Ok(changed)
        });
        Ok(changed.await??)
    }
}

impl Inner {
    fn write(&self, recorded: &Recorded) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec(recorded)?)?;
        file.sync_all()?;
        fs::rename(new, &self.path)
    }
}

#[async_trait]
impl CodeLedger for FileLedger {
    async fn open(&self, engine: EngineId, most: u32) -> Result<Vec<(Digest, CodeVerdict)>, LedgerError> {
        let take = move |recorded: &mut Recorded| {
            // It does not know which is old. What goes is compiled again.
            while recorded.verdicts.len() > most as usize {
                recorded.verdicts.pop_first();
            }
            recorded.verdicts.clone().into_iter().collect()
        };
        self.change(engine, take).await
    }

    async fn record(&self, engine: EngineId, component: Digest, verdict: CodeVerdict) -> Result<(), LedgerError> {
        self.change(engine, move |recorded| recorded.verdicts.insert(component, verdict)).await.map(drop)
    }

    async fn forget(&self, engine: EngineId, component: Digest) -> Result<(), LedgerError> {
        self.change(engine, move |recorded| recorded.verdicts.remove(&component)).await.map(drop)
    }
}
