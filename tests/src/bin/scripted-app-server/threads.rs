//! Threads as the stand-in keeps them: a JSON file in `CODEX_HOME`, so that a later life knows them.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::PathBuf;

use codex_manager_tests::write_whole;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::server::now_ms;

/// All threads of a `CODEX_HOME`.
pub(crate) struct Threads {
    file: PathBuf,
    /// Each with its turns in `turns`, by id; the ids sort by age.
    threads: BTreeMap<String, Value>,
    /// Those that this life has started or resumed.
    loaded: HashSet<String>,
}

impl Threads {
    pub(crate) fn read(home: PathBuf) -> io::Result<Self> {
        let file = home.join("threads.json");
        let threads = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { file, threads, loaded: HashSet::new() })
    }

    /// Starts a thread and loads it.
    pub(crate) fn start(&mut self, cwd: &Value) -> io::Result<Value> {
        let id = Uuid::now_v7().to_string();
        let now = now_ms() / 1000;
        let thread = json!({
            "id": id, "sessionId": id, "preview": "", "ephemeral": false, "modelProvider": "scripted",
            "model": "gpt-5.5", "createdAt": now, "updatedAt": now, "status": {"type": "idle"}, "path": null,
            "cwd": cwd.as_str().unwrap_or("/"), "cliVersion": crate::VERSION, "originator": "scripted",
            "source": "vscode", "name": null, "gitInfo": null, "turns": [],
        });
        self.threads.insert(id.clone(), thread.clone());
        self.loaded.insert(id);
        self.save()?;
        Ok(thread)
    }

    /// Loads a thread that is there.
    pub(crate) fn resume(&mut self, id: &str) -> Option<Value> {
        let thread = self.threads.get(id)?.clone();
        self.loaded.insert(id.to_owned());
        Some(thread)
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Value> {
        self.threads.get(id)
    }

    pub(crate) fn is_loaded(&self, id: &str) -> bool {
        self.loaded.contains(id)
    }

    /// The loaded threads' ids.
    pub(crate) fn loaded(&self) -> Vec<&String> {
        self.loaded.iter().collect()
    }

    /// The threads that had a turn, newest first, without their turns.
    pub(crate) fn list(&self) -> Vec<Value> {
        let begun = self.threads.values().rev().filter(|thread| thread["turns"] != json!([]));
        begun.map(without_turns).collect()
    }

    /// Changes a thread that is there.
    pub(crate) fn change(&mut self, id: &str, change: impl FnOnce(&mut Value)) -> io::Result<()> {
        if let Some(thread) = self.threads.get_mut(id) {
            change(thread);
        }
        self.save()
    }

    /// Forgets a thread; whether it was there.
    pub(crate) fn delete(&mut self, id: &str) -> io::Result<bool> {
        self.loaded.remove(id);
        let was_there = self.threads.remove(id).is_some();
        self.save()?;
        Ok(was_there)
    }

    /// Puts a turn with its items, new or as it is now.
    pub(crate) fn put_turn(&mut self, id: &str, turn: &Value) -> io::Result<()> {
        self.change(id, |thread| {
            let Some(turns) = thread["turns"].as_array_mut() else { return };
            match turns.iter_mut().find(|known| known["id"] == turn["id"]) {
                Some(known) => *known = turn.clone(),
                None => turns.push(turn.clone()),
            }
        })
    }

    fn save(&self) -> io::Result<()> {
        write_whole(&self.file, &serde_json::to_vec(&self.threads)?)
    }
}

/// The thread as lists show it.
pub(crate) fn without_turns(thread: &Value) -> Value {
    let mut thread = thread.clone();
    thread["turns"] = json!([]);
    thread
}
