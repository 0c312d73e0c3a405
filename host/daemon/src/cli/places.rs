//! The flags that say where things lie.

use std::path::{Path, PathBuf};

use clap::Args;

use super::config::{Flags, Settings};
use super::failure::Failure;
use crate::paths::Paths;

/// Where things lie, as far as the user says so.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Places {
    #[command(flatten)]
    flags: Flags<true>,
    /// The file of settings [default: config.toml in the data folder]
    #[arg(long = "config", global = true, value_name = "FILE", env = "CODEX_MANAGER_CONFIG", hide_env_values = true)]
    file: Option<PathBuf>,
}

impl Places {
    /// Where things lie, as flags and the environment say. The file is for the daemon: a client does not stumble over it.
    pub(super) fn find(&self) -> Result<Paths, Failure> {
        Settings::paths_without_file(&self.flags)
    }

    /// What is in effect, with the flags of `serve` that were given.
    pub(super) fn settings(&self, flags: &Flags<false>) -> Result<Settings, Failure> {
        Settings::load(&self.flags, flags, self.named())
    }

    /// Where the file of settings lies, or would.
    pub(super) fn config_file(&self) -> Result<PathBuf, Failure> {
        Ok(Settings::file_in(&self.find()?, self.named()))
    }

    /// A name of nothing names no file.
    fn named(&self) -> Option<&Path> {
        self.file.as_deref().filter(|path| !path.as_os_str().is_empty())
    }
}
