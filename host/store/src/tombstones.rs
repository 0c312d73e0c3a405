//! Sessions that were deleted for good.

use codex_manager_model::{SessionId, Tombstone};
use rusqlite::Row;

use crate::column::{at, id, maybe_at};
use crate::{Error, View};

impl View<'_> {
    /// The tombstone of a session, if it was deleted.
    pub fn tombstone(&self, id: &SessionId) -> Result<Option<Tombstone>, Error> {
        self.one("SELECT * FROM tombstones WHERE session = ?1", [id.as_str()], tombstone)
    }

    /// Every tombstone, the first deleted first.
    pub fn tombstones(&self) -> Result<Vec<Tombstone>, Error> {
        self.all("SELECT * FROM tombstones ORDER BY deleted_at, session", [], tombstone)
    }
}

fn tombstone(row: &Row<'_>) -> rusqlite::Result<Tombstone> {
    Ok(Tombstone {
        session: id(row, "session", SessionId::new)?,
        title: row.get("title")?,
        deleted_at: at(row, "deleted_at")?,
        finished_at: maybe_at(row, "finished_at")?,
        refused_at: maybe_at(row, "refused_at")?,
    })
}
