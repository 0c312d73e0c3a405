//! Transcripts, as far as somebody else than the child wrote them.

use codex_manager_model::limits::{TRANSCRIPT_BYTES_MAX, TRANSCRIPT_ENTRIES_MAX};
use codex_manager_model::{SessionId, TranscriptEntry, TranscriptRole, TurnId};
use rusqlite::{Row, params};

use crate::column::{At, Count, Word, count, id, maybe_at, word};
use crate::{Error, Tx, View};

/// An entry's place among those of its session, in the order of first appearance. It keeps it for as long as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryPlace(pub i64);

/// What orders entries, without their content.
#[derive(Debug, Clone, Copy)]
pub struct EntryOutline<'a> {
    /// Where it stands.
    pub place: EntryPlace,
    /// The id of the row.
    pub id: &'a str,
    /// The turn it belongs to.
    pub turn: &'a str,
    /// Who speaks.
    pub role: TranscriptRole,
    /// What kind of row it is.
    pub kind: &'a str,
    /// More than fits a line; it may name another row.
    pub details: Option<&'a str>,
}

impl View<'_> {
    /// The entry of a session with that message id.
    pub fn transcript_entry(&self, session: &SessionId, message: &str) -> Result<Option<TranscriptEntry>, Error> {
        let sql = "SELECT * FROM transcript_entries WHERE session = ?1 AND id = ?2";
        self.one(sql, [session.as_str(), message], entry)
    }

    /// All entries of a session, in order of first appearance.
    pub fn transcript_entries(&self, session: &SessionId) -> Result<Vec<TranscriptEntry>, Error> {
        let sql = "SELECT * FROM transcript_entries WHERE session = ?1 ORDER BY position";
        self.all(sql, [session.as_str()], entry)
    }

    /// Shows the outline of every entry of a session, in order of first appearance, without gathering them.
    pub fn each_entry_outline(&self, session: &SessionId, mut show: impl FnMut(EntryOutline<'_>)) -> Result<(), Error> {
        let sql = "SELECT position, id, turn, role, kind, details FROM transcript_entries
                   WHERE session = ?1 ORDER BY position";
        self.each(sql, [session.as_str()], |row| {
            let text = |column| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_str()?);
            show(EntryOutline {
                place: EntryPlace(row.get("position")?),
                id: text("id")?,
                turn: text("turn")?,
                role: word(row, "role")?,
                kind: text("kind")?,
                details: row.get_ref("details")?.as_str_or_null()?,
            });
            Ok(())
        })
    }

    /// The entry of a session in that place.
    pub fn transcript_entry_at(
        &self,
        session: &SessionId,
        EntryPlace(place): EntryPlace,
    ) -> Result<Option<TranscriptEntry>, Error> {
        let sql = "SELECT * FROM transcript_entries WHERE session = ?1 AND position = ?2";
        self.one(sql, params![session.as_str(), place], entry)
    }
}

impl Tx<'_> {
    /// Writes an entry. One that was there before keeps its place. The oldest others of a session that has more than
    /// [`TRANSCRIPT_ENTRIES_MAX`], or more than [`TRANSCRIPT_BYTES_MAX`], are dropped.
    pub fn put_transcript_entry(&self, session: &SessionId, entry: &TranscriptEntry) -> Result<(), Error> {
        let before = self.transcript_entry_bytes(session, &entry.message_id)?;
        let bytes = bytes(entry);
        self.execute(
            "INSERT INTO transcript_entries (session, id, turn, role, kind, content, details, status, started_at,
                 completed_at, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (session, id) DO UPDATE SET turn = excluded.turn, role = excluded.role, kind = excluded.kind,
                 content = excluded.content, details = excluded.details, status = excluded.status,
                 started_at = excluded.started_at, completed_at = excluded.completed_at, bytes = excluded.bytes",
            params![
                session.as_str(),
                entry.message_id,
                entry.turn_id.as_str(),
                Word(entry.role),
                entry.kind,
                entry.content,
                entry.details,
                Word(entry.status),
                entry.started_at.map(At),
                entry.completed_at.map(At),
                Count(bytes),
            ],
        )?;
        let mut sum = self.transcript_sum(session)?;
        sum.entries += u64::from(before.is_none());
        sum.bytes = sum.bytes - before.unwrap_or(0) + bytes;
        self.bound_transcript(session, &entry.message_id, sum)
    }

    /// Drops the oldest but `kept` as long as there is too much, and writes down what is left.
    fn bound_transcript(&self, session: &SessionId, kept: &str, mut sum: Sum) -> Result<(), Error> {
        while sum.entries > u64::from(TRANSCRIPT_ENTRIES_MAX) || sum.bytes > TRANSCRIPT_BYTES_MAX {
            let dropped = self.one(
                "DELETE FROM transcript_entries WHERE position = (SELECT position FROM transcript_entries
                     WHERE session = ?1 AND id <> ?2 ORDER BY position LIMIT 1) RETURNING bytes",
                [session.as_str(), kept],
                |row| count(row, "bytes"),
            )?;
            let Some(bytes) = dropped else { break };
            sum.entries -= 1;
            sum.bytes -= bytes;
        }
        self.execute(
            "INSERT INTO transcripts (session, entries, bytes) VALUES (?1, ?2, ?3)
             ON CONFLICT (session) DO UPDATE SET entries = excluded.entries, bytes = excluded.bytes",
            params![session.as_str(), Count(sum.entries), Count(sum.bytes)],
        )?;
        Ok(())
    }

    fn transcript_sum(&self, session: &SessionId) -> Result<Sum, Error> {
        let sql = "SELECT entries, bytes FROM transcripts WHERE session = ?1";
        let read = |row: &Row<'_>| Ok(Sum { entries: count(row, "entries")?, bytes: count(row, "bytes")? });
        Ok(self.one(sql, [session.as_str()], read)?.unwrap_or_default())
    }

    fn transcript_entry_bytes(&self, session: &SessionId, message: &str) -> Result<Option<u64>, Error> {
        let sql = "SELECT bytes FROM transcript_entries WHERE session = ?1 AND id = ?2";
        self.one(sql, [session.as_str(), message], |row| count(row, "bytes"))
    }
}

/// What the entries of a session come to.
#[derive(Default)]
struct Sum {
    entries: u64,
    bytes: u64,
}

/// How much text an entry has.
fn bytes(entry: &TranscriptEntry) -> u64 {
    let texts = [&entry.message_id, &entry.kind, &entry.content].into_iter().chain(&entry.details);
    (entry.turn_id.as_str().len() + texts.map(String::len).sum::<usize>()) as u64
}

fn entry(row: &Row<'_>) -> rusqlite::Result<TranscriptEntry> {
    Ok(TranscriptEntry {
        message_id: row.get("id")?,
        turn_id: id(row, "turn", TurnId::new)?,
        role: word(row, "role")?,
        kind: row.get("kind")?,
        content: row.get("content")?,
        details: row.get("details")?,
        status: word(row, "status")?,
        started_at: maybe_at(row, "started_at")?,
        completed_at: maybe_at(row, "completed_at")?,
    })
}
