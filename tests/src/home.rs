//! The folders of one daemon: fresh for each test, gone with it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Rule, Script};

/// A data folder, a `CODEX_HOME` beside it and a project for Codex to work in.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
}

impl Home {
    /// Makes the folders below `scratch`, which is `env!("CARGO_TARGET_TMPDIR")` in an integration test.
    ///
    /// # Panics
    /// When they cannot be made.
    pub fn new(scratch: &str) -> Self {
        let folder = TempDir::with_prefix_in("home-", scratch).expect("the scratch folder can be written");
        for name in ["data", "codex-home", "project"] {
            fs::create_dir(folder.path().join(name)).expect("a fresh folder can be written");
        }
        Self { folder }
    }

    /// The daemon's own folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Codex's own folder.
    pub fn codex_home(&self) -> PathBuf {
        self.folder.path().join("codex-home")
    }

    /// Where Codex's commands start.
    pub fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// The folder that holds them all.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What the daemon says to stderr, over all its starts.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("daemon.log")
    }

    /// Tells the scripted app-server what goes wrong, from its next start on.
    ///
    /// # Panics
    /// When the script cannot be written.
    pub fn script(&self, rules: impl Into<Vec<Rule>>) {
        Script(rules.into()).write(&self.codex_home()).expect("a fresh folder can be written");
    }

    /// How often the scripted app-server was started.
    pub fn starts(&self) -> u64 {
        let text = fs::read_to_string(self.codex_home().join("starts")).unwrap_or_default();
        text.parse().unwrap_or(0)
    }

    /// What the scripted app-server received in its `generation`-th life, from 1. A line that is no JSON is `null`.
    pub fn received(&self, generation: u64) -> Vec<Value> {
        let lines = fs::read_to_string(self.codex_home().join(format!("received-{generation}.jsonl")));
        lines.unwrap_or_default().lines().map(|line| serde_json::from_str(line).unwrap_or_default()).collect()
    }

    /// What it received of one method, over all its lives.
    pub fn received_of(&self, method: &str) -> Vec<Value> {
        let all = (1..=self.starts()).flat_map(|generation| self.received(generation));
        all.filter(|message| message["method"] == method).collect()
    }
}
