//! What came of compiling each component of an extension: the digest of its code, or why it has none.

use rusqlite::{Row, params};

use crate::{Error, Tx, View};

/// What came of compiling one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledCode {
    /// The digest of the component.
    pub component: String,
    /// The digest of its code, or why it has none.
    pub outcome: Result<String, String>,
}

impl View<'_> {
    /// What is recorded for the engine, the newest first.
    pub fn compiled_code(&self, engine: &str) -> Result<Vec<CompiledCode>, Error> {
        let sql = "SELECT * FROM compiled_code WHERE engine = ?1 ORDER BY position DESC";
        self.all(sql, [engine], compiled_code)
    }
}

impl Tx<'_> {
    /// Records what came of a component, in place of what was recorded of it before.
    pub fn put_compiled_code(&self, engine: &str, of: &CompiledCode) -> Result<(), Error> {
        let CompiledCode { component, outcome } = of;
        self.drop_compiled_code(engine, component)?;
        self.execute(
            "INSERT INTO compiled_code (position, engine, component, code, refusal)
             VALUES ((SELECT coalesce(max(position), 0) + 1 FROM compiled_code), ?1, ?2, ?3, ?4)",
            params![engine, component, outcome.as_ref().ok(), outcome.as_ref().err()],
        )?;
        Ok(())
    }

    /// Removes what is recorded of a component; whether there was anything.
    pub fn drop_compiled_code(&self, engine: &str, component: &str) -> Result<bool, Error> {
        self.change("DELETE FROM compiled_code WHERE engine = ?1 AND component = ?2", [engine, component])
    }

    /// Removes what is recorded for other engines, and of this one's all but the newest `most`.
    pub fn prune_compiled_code(&self, engine: &str, most: u32) -> Result<(), Error> {
        self.execute(
            "DELETE FROM compiled_code WHERE engine <> ?1 OR position NOT IN
             (SELECT position FROM compiled_code WHERE engine = ?1 ORDER BY position DESC LIMIT ?2)",
            params![engine, most],
        )?;
        Ok(())
    }
}

fn compiled_code(row: &Row<'_>) -> rusqlite::Result<CompiledCode> {
    let outcome = match row.get("code")? {
        Some(code) => Ok(code),
        None => Err(row.get("refusal")?),
    };
    Ok(CompiledCode { component: row.get("component")?, outcome })
}
