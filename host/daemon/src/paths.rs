//! Where things lie: the data folder and the names in it, Codex's home, and the tools folder.
//!
//! Three folders, because the agent may see them differently: the data folder is hidden from it, its own home is its to
//! write, tools are there to be read. This decides names only; it makes no folder and opens no file.

use std::env;
use std::path::{Path, PathBuf, absolute};

use etcetera::BaseStrategy;

/// The name that our folders have below the user's own.
const NAME: &str = "codex-manager";
/// The environment variable that moves the data folder.
pub const DATA_DIR: &str = "DATA_DIR";
/// The environment variable that moves Codex's home, shared with Codex itself.
pub const CODEX_HOME: &str = "CODEX_HOME";
/// The environment variable that moves the tools folder.
pub const TOOLS_DIR: &str = "CODEX_MANAGER_TOOLS_DIR";

/// The three folders, absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Everything that is ours: the store, tokens, logs.
    pub data: DataFolder,
    /// Everything that is Codex's: its login, its configuration, its threads.
    pub codex_home: PathBuf,
    /// What was fetched because it was missing.
    pub tools: PathBuf,
}

/// What the user said about the folders; `None` leaves a folder where it is by default.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The data folder.
    pub data: Option<PathBuf>,
    /// Codex's home.
    pub codex_home: Option<PathBuf>,
    /// The tools folder.
    pub tools: Option<PathBuf>,
}

/// Why nobody knows where things lie.
#[derive(Debug, thiserror::Error)]
pub enum PathsError {
    /// There is no home folder below which the defaults would lie.
    #[error("there is no home folder: set HOME, or name the data folder, CODEX_HOME and the tools folder")]
    NoHome(#[source] etcetera::HomeDirError),
    /// A relative path, and no working folder to start it from.
    #[error("the path {path} cannot be made absolute")]
    Relative {
        /// The path as it was given.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl Paths {
    /// Takes what is `given`, then the environment (`DATA_DIR`, `CODEX_HOME`, `CODEX_MANAGER_TOOLS_DIR`), then the XDG
    /// folders of the user.
    ///
    /// # Errors
    /// When there is no home folder, or a relative path cannot be made absolute.
    pub fn find(given: Given) -> Result<Self, PathsError> {
        let given = Given {
            data: given.data.or_else(|| variable(DATA_DIR)),
            codex_home: given.codex_home.or_else(|| variable(CODEX_HOME)),
            tools: given.tools.or_else(|| variable(TOOLS_DIR)),
        };
        Self::below(given, &etcetera::choose_base_strategy().map_err(PathsError::NoHome)?)
    }

    /// Takes what is `given`, and the rest from the `user`'s folders; no environment is read.
    ///
    /// # Errors
    /// When a relative path cannot be made absolute.
    pub fn below(given: Given, user: &impl BaseStrategy) -> Result<Self, PathsError> {
        let state = || user.state_dir().unwrap_or_else(|| user.data_dir()).join(NAME);
        Ok(Self {
            data: DataFolder::new(settled(given.data.unwrap_or_else(state))?),
            codex_home: settled(given.codex_home.unwrap_or_else(|| user.home_dir().join(".codex")))?,
            tools: settled(given.tools.unwrap_or_else(|| user.cache_dir().join(NAME).join("tools")))?,
        })
    }
}

/// The data folder, which knows the names of what lies in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFolder(PathBuf);

impl DataFolder {
    /// Names the folder; nothing is made.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The bearer token made at first start, one line, readable by its owner alone.
    pub fn token(&self) -> PathBuf {
        self.0.join("token")
    }

    /// Which `CODEX_HOME` was given the user's login, one line; there once that was done.
    pub fn login_brought(&self) -> PathBuf {
        self.0.join("login-brought")
    }

    /// Where the daemon listens, one line such as `127.0.0.1:4317`; there while it runs.
    pub fn address(&self) -> PathBuf {
        self.0.join("address")
    }

    /// The Unix socket that the daemon listens on, or a link to it; there while it runs, if it has one.
    pub fn socket(&self) -> PathBuf {
        self.0.join("socket")
    }

    /// Held by the one daemon that this folder has.
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// What was approved: the lock, and the copies that it names.
    pub fn extensions(&self) -> PathBuf {
        self.0.join("extensions")
    }

    /// The child's stderr, rotated.
    pub fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }
}

/// A variable that is set to nothing counts as not set.
fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The child has a working folder of its own, so a relative path would mean two places; and one folder has one spelling,
/// whatever dots and slashes it was named with.
fn settled(path: PathBuf) -> Result<PathBuf, PathsError> {
    let absolute = absolute(&path).map_err(|source| PathsError::Relative { path, source })?;
    Ok(absolute.components().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A user whose folders are all below `/u`.
    struct User {
        state: Option<PathBuf>,
    }

    impl User {
        fn new() -> Self {
            Self { state: Some("/u/state".into()) }
        }
    }

    impl BaseStrategy for User {
        fn home_dir(&self) -> &Path {
            Path::new("/u")
        }
        fn config_dir(&self) -> PathBuf {
            "/u/config".into()
        }
        fn data_dir(&self) -> PathBuf {
            "/u/data".into()
        }
        fn cache_dir(&self) -> PathBuf {
            "/u/cache".into()
        }
        fn state_dir(&self) -> Option<PathBuf> {
            self.state.clone()
        }
        fn runtime_dir(&self) -> Option<PathBuf> {
            None
        }
    }

    #[test]
    fn what_nobody_moves_lies_in_the_users_folders() {
        let paths = Paths::below(Given::default(), &User::new()).unwrap();
        assert_eq!(paths.data.path(), Path::new("/u/state/codex-manager"));
        assert_eq!(paths.codex_home, Path::new("/u/.codex"));
        assert_eq!(paths.tools, Path::new("/u/cache/codex-manager/tools"));
    }

    #[test]
    fn what_is_given_wins_and_has_one_spelling() {
        let given = Given { data: Some("/./d//".into()), codex_home: Some("home".into()), tools: Some("/t".into()) };
        let paths = Paths::below(given, &User::new()).unwrap();
        assert_eq!(paths.data.path().as_os_str(), "/d");
        assert_eq!(paths.data.token(), Path::new("/d/token"));
        assert_eq!(paths.codex_home, env::current_dir().unwrap().join("home"));
        assert_eq!(paths.tools, Path::new("/t"));
    }

    #[test]
    fn a_system_without_state_folders_keeps_state_with_the_data() {
        let paths = Paths::below(Given::default(), &User { state: None }).unwrap();
        assert_eq!(paths.data.address(), Path::new("/u/data/codex-manager/address"));
    }
}
