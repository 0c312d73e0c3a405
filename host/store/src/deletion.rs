//! Deleting a session: what is erased, and where.
//!
//! The numbers stay: places in the log, ids, times, and who did what. What they held goes, in place. With
//! `secure_delete` the bytes are overwritten in the file, and [`Store::scrub`](crate::Store::scrub) folds away the
//! write-ahead log. SQLite overwrites what it frees and not what it has moved from one page to another, so that copies may
//! be left between rows; [`Store::compact`](crate::Store::compact) writes the file anew, without them.

use codex_manager_model::{SessionId, Tombstone};

use crate::column::At;
use crate::{Error, Tx, View};

/// All that a session leaves anywhere but its own row, and how each is erased. A table that gets a column which holds
/// something of a session gets a line here.
const LEFT: &[&str] = &[
    // The log: first the sum of its bytes, while there is something to add up.
    "UPDATE log SET bytes = bytes -
         (SELECT coalesce(sum(octet_length(payload)), 0) FROM events WHERE session = ?1)",
    "UPDATE events SET bytes = bytes - octet_length(payload), payload = NULL
         WHERE session = ?1 AND payload IS NOT NULL",
    // What it said and did.
    "DELETE FROM items WHERE session = ?1",
    "DELETE FROM turns WHERE session = ?1",
    "DELETE FROM transcript_entries WHERE session = ?1",
    "DELETE FROM transcripts WHERE session = ?1",
    "DELETE FROM suggestions WHERE session = ?1",
    // What was asked: that it was, and who decided, is kept.
    "UPDATE interactions SET summary = '', details = 'null', response = NULL WHERE session = ?1",
    // What it had the child do. The call that made it is not one of its own, and names it in its outcome.
    "UPDATE operations SET body = 'null', outcome = NULL
         WHERE session = ?1 OR json_extract(outcome, '$.thread.id') = ?1",
    // What extensions were told of it, and made of that.
    "UPDATE invocations SET sentence = NULL, actions = '[]', journal = '[]', log = '[]', bytes = 6
         WHERE session = ?1",
    // What clients were answered about it, and are to be answered again.
    "UPDATE request_steps SET made = 'null' WHERE made IS NOT NULL
         AND (owner, key) IN (SELECT owner, key FROM request_keys WHERE session = ?1)",
    "UPDATE request_keys SET body = NULL WHERE session = ?1",
    "UPDATE log SET erased = 1 WHERE ?1 IS NOT NULL",
];

impl View<'_> {
    /// Sessions that were deleted and that the child has not forgotten yet, at most `limit`, the first deleted first.
    /// Those that it [does not forget yet](Tx::postpone_deletion) come last, so that they do not stand before the rest.
    pub fn unfinished_deletions(&self, limit: u32) -> Result<Vec<SessionId>, Error> {
        self.all(
            "SELECT session FROM tombstones WHERE finished_at IS NULL
             ORDER BY refused_at NULLS FIRST, deleted_at LIMIT ?1",
            [limit],
            |row| row.get("session").map(|id: String| SessionId::new(id)),
        )
    }
}

impl Tx<'_> {
    /// Erases all that a session has left, but its own row. Operations that wait or whose outcome is unknown are to be
    /// settled before.
    pub fn erase_session(&self, session: &SessionId) -> Result<(), Error> {
        LEFT.iter().try_for_each(|statement| self.execute(statement, [session.as_str()]).map(drop))
    }

    /// Puts a tombstone in the place of its session.
    ///
    /// # Errors
    ///
    /// When there is one.
    pub fn put_tombstone(&self, tombstone: &Tombstone) -> Result<(), Error> {
        self.execute(
            "INSERT INTO tombstones (session, title, deleted_at, finished_at, of_worker) VALUES (?1, ?2, ?3, ?4,
                 EXISTS (SELECT 1 FROM sessions WHERE id = ?1 AND worker_owner IS NOT NULL))",
            (
                tombstone.session.as_str(),
                tombstone.title.as_deref(),
                At(tombstone.deleted_at),
                tombstone.finished_at.map(At),
            ),
        )?;
        self.execute("DELETE FROM sessions WHERE id = ?1", [tombstone.session.as_str()])?;
        Ok(())
    }

    /// Notes that the child will not forget the thread of a deleted session yet. Whether it says so for the first time.
    pub fn postpone_deletion(&self, session: &SessionId, at: jiff::Timestamp) -> Result<bool, Error> {
        let unfinished = "UPDATE tombstones SET refused_at = ?2 WHERE session = ?1 AND finished_at IS NULL";
        let first = self.change(&format!("{unfinished} AND refused_at IS NULL"), (session.as_str(), At(at)))?;
        if !first {
            self.execute(unfinished, (session.as_str(), At(at)))?;
        }
        Ok(first)
    }

    /// Notes that the child has forgotten the thread of a deleted session. `false` if that was known.
    pub fn finish_deletion(&self, session: &SessionId, at: jiff::Timestamp) -> Result<bool, Error> {
        self.change(
            "UPDATE tombstones SET finished_at = ?2 WHERE session = ?1 AND finished_at IS NULL",
            (session.as_str(), At(at)),
        )
    }
}
