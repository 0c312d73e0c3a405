//! What was suggested as the next message of a session.

use codex_manager_model::limits::SUGGESTIONS_KEPT_MAX;
use codex_manager_model::{SessionId, Suggestion};
use rusqlite::{Row, params};

use crate::column::{At, Word, at, word};
use crate::{Error, Tx, View};

impl View<'_> {
    /// The suggestion of a session under that key.
    pub fn suggestion(&self, session: &SessionId, key: &str) -> Result<Option<Suggestion>, Error> {
        let sql = "SELECT * FROM suggestions WHERE session = ?1 AND key = ?2";
        self.one(sql, [session.as_str(), key], suggestion)
    }
}

impl Tx<'_> {
    /// Writes a suggestion, over the one of that key if there is one. The oldest of a session that has more than
    /// [`SUGGESTIONS_KEPT_MAX`] are dropped.
    pub fn put_suggestion(&self, session: &SessionId, suggestion: &Suggestion) -> Result<(), Error> {
        self.execute(
            "INSERT INTO suggestions (session, key, status, suggestion, error, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (session, key) DO UPDATE SET status = excluded.status, suggestion = excluded.suggestion,
                 error = excluded.error, updated_at = excluded.updated_at",
            params![
                session.as_str(),
                suggestion.key,
                Word(suggestion.status),
                suggestion.suggestion,
                suggestion.error,
                At(suggestion.updated_at),
            ],
        )?;
        self.execute(
            "DELETE FROM suggestions WHERE session = ?1 AND position <= (SELECT position FROM suggestions
                 WHERE session = ?1 ORDER BY position DESC LIMIT 1 OFFSET ?2)",
            params![session.as_str(), SUGGESTIONS_KEPT_MAX],
        )?;
        Ok(())
    }
}

fn suggestion(row: &Row<'_>) -> rusqlite::Result<Suggestion> {
    Ok(Suggestion {
        key: row.get("key")?,
        status: word(row, "status")?,
        suggestion: row.get("suggestion")?,
        error: row.get("error")?,
        updated_at: at(row, "updated_at")?,
    })
}
