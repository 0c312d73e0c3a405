//! The keys of actions that were done, so that what an extension wants done once is done once.

use codex_manager_model::limits::PRUNE_ACTION_KEYS_MAX;
use jiff::Timestamp;
use rusqlite::params;

use crate::column::At;
use crate::{Error, Tx};

impl Tx<'_> {
    /// Takes the key for an action that is done now. `false` if an action of this extension took it before.
    pub fn take_action_key(&self, extension: &str, key: &str, at: Timestamp) -> Result<bool, Error> {
        self.change("INSERT OR IGNORE INTO action_keys VALUES (?1, ?2, ?3)", params![extension, key, At(at)])
    }

    /// Removes keys that were taken before `taken_before`, a bounded number a call; how many.
    pub fn prune_action_keys(&self, taken_before: Timestamp) -> Result<u64, Error> {
        let removed = self.execute(
            "DELETE FROM action_keys WHERE rowid IN (SELECT rowid FROM action_keys WHERE at < ?1 LIMIT ?2)",
            params![At(taken_before), PRUNE_ACTION_KEYS_MAX],
        )?;
        Ok(removed as u64)
    }
}
