//! What the daemon at work was told. It writes that down at its start, so that another shell, whose flags and variables are
//! others, can say what is different there. No secret is in it, and whoever reads it makes sure that the daemon still is.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use codex_manager_store::{Lock, LockError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::settings::Settings;
use super::table::{self, ALL};
use super::{setting::Setting, shown};
use crate::paths::DataFolder;
use crate::replace::replace;

/// A daemon at work on the data folder that the settings name.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Running {
    pid: Option<u32>,
    since: Option<Timestamp>,
    /// What it goes by where that is something else; nothing where nobody wrote it down.
    different: Option<BTreeMap<String, Json>>,
    /// What the settings are here, of the same keys.
    #[serde(skip)]
    here: BTreeMap<String, Json>,
}

/// The file.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    pid: u32,
    since: Timestamp,
    settings: BTreeMap<String, Json>,
}

/// The file of a daemon that was told its settings by the command line; gone with this.
pub(in crate::cli) struct Told(PathBuf);

impl Running {
    /// The daemon at work, if one is.
    pub(in crate::cli) fn on(settings: &Settings) -> Option<Self> {
        let data = &settings.paths().data;
        let Err(LockError::Held { holder, .. }) = Lock::look(data.lock()) else { return None };
        let (pid, here) = (holder.map(|holder| holder.pid), all(settings));
        // One that was killed leaves its file behind.
        let note = read(&file(data)).filter(|note| Some(note.pid) == pid);
        let different = note.as_ref().map(|note| {
            let there = note.settings.iter().filter(|(key, value)| here.get(*key) != Some(value));
            there.map(|(key, value)| (key.clone(), value.clone())).collect()
        });
        Some(Self { pid, since: note.map(|note| note.since), different, here })
    }

    /// Whether its settings are others, or nobody knows.
    pub(in crate::cli) fn may_differ(&self) -> bool {
        self.different.as_ref().is_none_or(|different| !different.is_empty())
    }
}

impl Told {
    /// Writes down what this process's daemon goes by.
    pub(in crate::cli) fn write(settings: &Settings) -> io::Result<Self> {
        let path = file(&settings.paths().data);
        let note = Note { pid: std::process::id(), since: Timestamp::now(), settings: all(settings) };
        replace(&path, &serde_json::to_string(&note)?)?;
        Ok(Self(path))
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        // What stays is known by its process to be old.
        let _ = fs::remove_file(&self.0);
    }
}

impl fmt::Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the one at work")?;
        if let Some(pid) = self.pid {
            write!(f, " (process {pid}")?;
            self.since.map_or(Ok(()), |since| write!(f, ", since {since:.0}"))?;
            f.write_str(")")?;
        }
        match &self.different {
            None => f.write_str(" may go by others, which it did not write down"),
            Some(different) if different.is_empty() => f.write_str(" goes by the same"),
            Some(different) => {
                f.write_str(" goes by ")?;
                for (n, (key, there)) in different.iter().enumerate() {
                    let here = self.here.get(key).unwrap_or(&Json::Null);
                    let comma = if n == 0 { "" } else { ", " };
                    write!(f, "{comma}{key} = {} (here {})", word(there), word(here))?;
                }
                Ok(())
            }
        }
    }
}

fn file(data: &DataFolder) -> PathBuf {
    data.path().join("settings.json")
}

fn read(file: &Path) -> Option<Note> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

/// What is in effect by key, but for the data folder, which is the same one under whatever name.
fn all(settings: &Settings) -> BTreeMap<String, Json> {
    let others = ALL.iter().filter(|setting| setting.key != table::DATA_DIR.key);
    others.map(|setting| (setting.key.to_owned(), in_effect(setting, settings))).collect()
}

/// A folder that nobody named is still one, and has one spelling.
fn in_effect(setting: &Setting, settings: &Settings) -> Json {
    let paths = settings.paths();
    match setting.key {
        key if key == table::CODEX_HOME.key => json!(paths.codex_home.to_string_lossy()),
        key if key == table::TOOLS_DIR.key => json!(paths.tools.to_string_lossy()),
        _ => shown(setting, settings.chosen(setting)),
    }
}

fn word(value: &Json) -> String {
    match value {
        Json::Null => "unset".to_owned(),
        Json::String(text) => text.clone(),
        value => value.to_string(),
    }
}
