//! The flags that say where things lie.

use std::path::PathBuf;

use clap::Args;

use super::failure::{Exit, Failure};
use crate::paths::{Given, Paths};

/// Where things lie, as far as the user says so.
#[derive(Debug, Clone, Args)]
pub(super) struct Places {
    /// The data folder [default: $XDG_STATE_HOME/codex-manager]
    #[arg(long, global = true, value_name = "FOLDER", env = "DATA_DIR", hide_env_values = true)]
    data_dir: Option<PathBuf>,
    /// Codex's own folder [default: ~/.codex]
    #[arg(long, global = true, value_name = "FOLDER", env = "CODEX_HOME", hide_env_values = true)]
    codex_home: Option<PathBuf>,
}

impl Places {
    /// Where things lie.
    pub(super) fn find(&self) -> Result<Paths, Failure> {
        let given = Given { data: said(&self.data_dir), codex_home: said(&self.codex_home), tools: None };
        Paths::find(given).map_err(|error| Failure::because(Exit::Usage, &error))
    }
}

/// A variable that is set to nothing names no folder.
fn said(path: &Option<PathBuf>) -> Option<PathBuf> {
    path.clone().filter(|path| !path.as_os_str().is_empty())
}
