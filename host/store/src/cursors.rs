//! Named cursors: how far durable readers of the log have come. Retention waits for them, up to a cap.

use codex_manager_model::Seq;
use rusqlite::{Row, params};

use crate::column::{Count, seq};
use crate::{Error, Tx, View};

/// One reader's place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Whose it is.
    pub name: String,
    /// The last event that it has done with.
    pub seq: Seq,
}

impl View<'_> {
    /// The cursor of that name.
    pub fn cursor(&self, name: &str) -> Result<Option<Seq>, Error> {
        Ok(self.one("SELECT * FROM cursors WHERE name = ?1", [name], cursor)?.map(|cursor| cursor.seq))
    }

    /// All cursors, by name.
    pub fn cursors(&self) -> Result<Vec<Cursor>, Error> {
        self.all("SELECT * FROM cursors ORDER BY name", [], cursor)
    }
}

impl Tx<'_> {
    /// Puts a cursor somewhere, forwards or backwards, and makes it if it is new.
    pub fn set_cursor(&self, name: &str, seq: Seq) -> Result<(), Error> {
        self.execute(
            "INSERT INTO cursors (name, seq) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET seq = excluded.seq",
            params![name, Count(seq.0)],
        )?;
        Ok(())
    }

    /// Removes a cursor, so that it holds nothing back any more; whether there was one.
    pub fn drop_cursor(&self, name: &str) -> Result<bool, Error> {
        self.change("DELETE FROM cursors WHERE name = ?1", [name])
    }
}

fn cursor(row: &Row<'_>) -> rusqlite::Result<Cursor> {
    Ok(Cursor { name: row.get("name")?, seq: seq(row, "seq")? })
}
