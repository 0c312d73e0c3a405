//! Whether Codex has been logged in: the file that a login leaves, looked at no more than once in a while. Health is asked
//! far more often than anybody logs in.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a look is good for.
const FRESH: Duration = Duration::from_secs(1);

/// The file that a login leaves. It may come and go.
#[derive(Debug, Clone)]
pub(crate) struct LoginFile(Arc<Looked>);

#[derive(Debug)]
struct Looked {
    /// Nothing where `CODEX_HOME` is not known.
    path: Option<PathBuf>,
    seen: Mutex<Option<(Instant, bool)>>,
}

impl LoginFile {
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self(Arc::new(Looked { path, seen: Mutex::default() }))
    }

    /// Whether it is there, or was a moment ago.
    pub(crate) fn is_there(&self) -> bool {
        let Some(path) = &self.0.path else { return false };
        // What was seen is replaced as a whole.
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match *seen {
            Some((at, is_there)) if at.elapsed() < FRESH => is_there,
            _ => {
                let is_there = path.is_file();
                *seen = Some((Instant::now(), is_there));
                is_there
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_login_is_seen_soon() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auth.json");
        let file = LoginFile::new(Some(path.clone()));
        assert!(!file.is_there() && !LoginFile::new(None).is_there());
        std::fs::write(&path, "{}").unwrap();
        assert!(!file.is_there(), "it was looked at a moment ago");
        tokio::time::advance(FRESH).await;
        assert!(file.is_there());
    }
}
