//! Codex's folder, as far as health looks into it: no more than once in a while, for health is asked far more often than
//! anybody logs in or writes a configuration.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::login::AUTH_FILE;

/// How long a look is good for.
const FRESH: Duration = Duration::from_secs(1);

/// What Codex keeps its login and its configuration in. Either may come, go and change.
#[derive(Debug, Clone)]
pub(crate) struct CodexHome(Arc<Looked>);

#[derive(Debug)]
struct Looked {
    /// Nothing where `CODEX_HOME` is not known.
    path: Option<PathBuf>,
    seen: Mutex<Option<(Instant, Files)>>,
}

/// What tells one content of the files from another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Files {
    pub(super) login: Stamp,
    config: Stamp,
}

/// Of a file that is there: when it was written, and its length.
pub(super) type Stamp = Option<(Option<SystemTime>, u64)>;

impl CodexHome {
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self(Arc::new(Looked { path, seen: Mutex::default() }))
    }

    /// The files as they are, or were a moment ago.
    pub(super) fn look(&self) -> Files {
        // What was seen is replaced as a whole.
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match *seen {
            Some((at, files)) if at.elapsed() < FRESH => files,
            _ => {
                let files = Files { login: self.stamp(AUTH_FILE), config: self.stamp("config.toml") };
                *seen = Some((Instant::now(), files));
                files
            }
        }
    }

    fn stamp(&self, name: &str) -> Stamp {
        let found = fs::metadata(self.0.path.as_ref()?.join(name)).ok().filter(fs::Metadata::is_file)?;
        Some((found.modified().ok(), found.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_login_and_a_configuration_are_seen_soon() {
        let folder = tempfile::tempdir().unwrap();
        let home = CodexHome::new(Some(folder.path().to_owned()));
        let before = home.look();
        assert_eq!((before, CodexHome::new(None).look()), (Files::default(), Files::default()));
        for name in [AUTH_FILE, "config.toml"] {
            let before = home.look();
            fs::write(folder.path().join(name), "{}").unwrap();
            assert_eq!(home.look(), before, "it was looked at a moment ago");
            tokio::time::advance(FRESH).await;
            assert_ne!(home.look(), before, "{name}");
        }
        assert!(home.look().login.is_some());
    }
}
