//! What there is in a database beside rows: its tables, indexes, triggers and views, each as it was made.
//!
//! A file from elsewhere that says it is ours may have more of them than we make, and they would act in our name: a
//! trigger, for one, on every row that we write.

use std::collections::BTreeMap;

use rusqlite::Connection;

/// All that is declared in a database.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Schema {
    /// By kind, name, and the table that it belongs to; what SQLite makes by itself has no statement.
    made_by: BTreeMap<(String, String, String), Option<String>>,
}

/// In what a database is not as this program makes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Alteration {
    /// There is more in it.
    #[error("it has the {kind} `{name}`, which no codex-manager makes")]
    Extra {
        /// Of which kind: `table`, `index`, `trigger`, `view`.
        kind: String,
        /// What it is called.
        name: String,
    },
    /// There is less in it.
    #[error("it lacks the {kind} `{name}`")]
    Missing {
        /// Of which kind.
        kind: String,
        /// What it is called.
        name: String,
    },
    /// Something in it was made otherwise.
    #[error("its {kind} `{name}` is not the one that codex-manager makes")]
    Changed {
        /// Of which kind.
        kind: String,
        /// What it is called.
        name: String,
    },
    /// The log has one row of facts about itself.
    #[error("the table `log` has {rows} rows where it must have one")]
    Log {
        /// How many there are.
        rows: u32,
    },
}

impl Schema {
    /// Reads it. The figures that `ANALYZE` leaves are not counted: anybody may have asked for them, and nothing acts
    /// on them.
    pub(crate) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let mut rows = connection.prepare(
            "SELECT type, name, tbl_name, sql FROM sqlite_schema
             WHERE NOT (type = 'table' AND name IN ('sqlite_stat1', 'sqlite_stat4'))",
        )?;
        let read = rows.query_map([], |row| Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get(3)?)))?;
        Ok(Self { made_by: read.collect::<rusqlite::Result<_>>()? })
    }

    /// The first thing in which this one is not as `ours`.
    pub(crate) fn alteration(&self, ours: &Self) -> Option<Alteration> {
        let own = |(kind, name, _): &(String, String, String)| (kind.clone(), name.clone());
        let foreign = self.made_by.iter().find_map(|(key, sql)| {
            let (kind, name) = own(key);
            match ours.made_by.get(key) {
                None => Some(Alteration::Extra { kind, name }),
                Some(made) if made != sql => Some(Alteration::Changed { kind, name }),
                Some(_) => None,
            }
        });
        foreign.or_else(|| {
            let (kind, name) = own(ours.made_by.keys().find(|key| !self.made_by.contains_key(key))?);
            Some(Alteration::Missing { kind, name })
        })
    }
}
