//! Marks: which events an extension is done with. Events end out of order, so there is a low mark, a named cursor for
//! which retention waits, and single marks beyond it.

use codex_manager_model::Seq;
use rusqlite::params;

use crate::column::{Count, seq};
use crate::{Error, Tx, View};

impl View<'_> {
    /// The event up to which the extension is done with all; `None` if it has no marks.
    pub fn marks_low(&self, extension: &str) -> Result<Option<Seq>, Error> {
        self.cursor(&cursor_of(extension))
    }

    /// The extensions that have marks.
    pub fn marked(&self) -> Result<Vec<String>, Error> {
        let low = cursor_of("");
        self.all(
            "SELECT substr(name, length(?1) + 1) AS extension FROM cursors WHERE substr(name, 1, length(?1)) = ?1
             UNION SELECT extension FROM marks",
            [low],
            |row| row.get("extension"),
        )
    }

    /// The events beyond the low mark that the extension is done with, in order.
    pub fn marks(&self, extension: &str) -> Result<Vec<Seq>, Error> {
        self.all("SELECT seq FROM marks WHERE extension = ?1 ORDER BY seq", [extension], |row| seq(row, "seq"))
    }
}

impl Tx<'_> {
    /// Notes that the extension is done with an event. At or below the low mark that goes without saying; and one that
    /// has no low mark has gone, and is to find nothing when it comes back.
    pub fn mark_event(&self, extension: &str, event: Seq) -> Result<(), Error> {
        self.execute(
            "INSERT OR IGNORE INTO marks SELECT ?1, ?2
             WHERE EXISTS (SELECT 1 FROM cursors WHERE name = ?3 AND seq < ?2)",
            params![extension, Count(event.0), cursor_of(extension)],
        )?;
        Ok(())
    }

    /// Moves the low mark forward, never back, and removes the marks that it has passed.
    pub fn set_marks_low(&self, extension: &str, low: Seq) -> Result<(), Error> {
        if self.marks_low(extension)?.is_none_or(|before| before < low) {
            self.set_cursor(&cursor_of(extension), low)?;
        }
        self.execute("DELETE FROM marks WHERE extension = ?1 AND seq <= ?2", params![extension, Count(low.0)])?;
        Ok(())
    }

    /// Removes all marks of the extension, so that it holds nothing back any more and begins anew if it comes back.
    pub fn forget_marks(&self, extension: &str) -> Result<(), Error> {
        self.drop_cursor(&cursor_of(extension))?;
        self.execute("DELETE FROM marks WHERE extension = ?1", [extension])?;
        Ok(())
    }
}

/// The name of the cursor that is the extension's low mark.
fn cursor_of(extension: &str) -> String {
    format!("extension:{extension}")
}
