//! What extensions keep between invocations: keys and values, checked for changes when they are written.

use std::collections::BTreeMap;

use rusqlite::{Row, params};

use crate::column::{Count, count};
use crate::{Error, Tx, View};

impl View<'_> {
    /// What the extension keeps under the key, and the version of its store that brought it: from 1, and one more with
    /// each commit.
    pub fn kv_get(&self, extension: &str, key: &str) -> Result<Option<(String, u64)>, Error> {
        self.one("SELECT value, version FROM kv WHERE extension = ?1 AND key = ?2", [extension, key], |row| {
            Ok((row.get("value")?, count(row, "version")?))
        })
    }

    /// Up to `limit` keys of the extension that begin with `prefix`, in the order of their bytes, those after `after`;
    /// and the version of its store, which is 0 if nothing was ever written.
    pub fn kv_keys(
        &self,
        extension: &str,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<(Vec<String>, u64), Error> {
        // Keys with one prefix stand together, so the first that does not begin with it ends the list.
        let mut keys: Vec<String> = self.all(
            "SELECT key FROM kv WHERE extension = ?1 AND key >= ?2 AND (?3 IS NULL OR key > ?3) ORDER BY key LIMIT ?4",
            params![extension, prefix.max(after.unwrap_or_default()), after, limit],
            |row| row.get("key"),
        )?;
        let end = keys.iter().position(|key| !key.starts_with(prefix)).unwrap_or(keys.len());
        keys.truncate(end);
        Ok((keys, self.kv_store(extension)?.version))
    }

    /// How much the extension keeps, keys and values together, in bytes.
    pub fn kv_bytes(&self, extension: &str) -> Result<u64, Error> {
        Ok(self.kv_store(extension)?.bytes)
    }

    /// How many bytes a key takes with its value; 0 if it is not there.
    fn kv_entry_bytes(&self, extension: &str, key: &str) -> Result<u64, Error> {
        let sql = "SELECT octet_length(key) + octet_length(value) AS bytes FROM kv WHERE extension = ?1 AND key = ?2";
        Ok(self.one(sql, [extension, key], |row| count(row, "bytes"))?.unwrap_or(0))
    }

    fn kv_store(&self, extension: &str) -> Result<KvStore, Error> {
        Ok(self.one("SELECT * FROM kv_stores WHERE extension = ?1", [extension], kv_store)?.unwrap_or_default())
    }
}

impl Tx<'_> {
    /// Writes what an invocation wants kept (`None` removes the key), if nothing it relied on has changed: the keys that
    /// it read, with the version of each (`None`: there was nothing), and the store's version when it `listed` keys; and
    /// if what is kept does not grow beyond `bytes_max` by it, for others may have filled the room that it had found.
    /// `false` if not; then nothing was written.
    pub fn kv_commit(
        &self,
        extension: &str,
        bytes_max: u64,
        read: &BTreeMap<String, Option<u64>>,
        listed: Option<u64>,
        written: &BTreeMap<String, Option<String>>,
    ) -> Result<bool, Error> {
        let mut store = self.kv_store(extension)?;
        if listed.is_some_and(|version| version != store.version) {
            return Ok(false);
        }
        for (key, version) in read {
            if self.kv_get(extension, key)?.map(|(_, found)| found) != *version {
                return Ok(false);
            }
        }
        if written.is_empty() {
            return Ok(true);
        }
        let (mut removed, mut added) = (0, 0);
        for (key, value) in written {
            removed += self.kv_entry_bytes(extension, key)?;
            added += value.as_ref().map_or(0, |value| (key.len() + value.len()) as u64);
        }
        let before = store.bytes;
        store.bytes = before - removed + added;
        if store.bytes > before.max(bytes_max) {
            return Ok(false);
        }
        store.version += 1;
        for (key, value) in written {
            self.kv_put(extension, key, value.as_deref(), store.version)?;
        }
        self.execute(
            "INSERT INTO kv_stores (extension, version, bytes) VALUES (?1, ?2, ?3)
             ON CONFLICT (extension) DO UPDATE SET version = excluded.version, bytes = excluded.bytes",
            params![extension, Count(store.version), Count(store.bytes)],
        )?;
        Ok(true)
    }

    /// Writes a key, or removes it.
    fn kv_put(&self, extension: &str, key: &str, value: Option<&str>, version: u64) -> Result<(), Error> {
        let Some(value) = value else {
            return self.execute("DELETE FROM kv WHERE extension = ?1 AND key = ?2", [extension, key]).map(drop);
        };
        self.execute(
            "INSERT INTO kv VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (extension, key) DO UPDATE SET value = excluded.value, version = excluded.version",
            params![extension, key, value, Count(version)],
        )?;
        Ok(())
    }
}

/// What all keys of one extension have in common.
#[derive(Default)]
struct KvStore {
    version: u64,
    bytes: u64,
}

fn kv_store(row: &Row<'_>) -> rusqlite::Result<KvStore> {
    Ok(KvStore { version: count(row, "version")?, bytes: count(row, "bytes")? })
}
