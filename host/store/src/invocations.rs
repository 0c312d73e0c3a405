//! Invocations: the records of what extensions were told, read, wanted and got.

use codex_manager_model::limits::{
    INVOCATIONS_KEPT_BYTES_MAX, INVOCATIONS_KEPT_MAX, INVOCATIONS_PAGE_BYTES_MAX, PRUNE_INVOCATIONS_MAX,
};
use codex_manager_model::{Invocation, InvocationId, SessionId};
use jiff::Timestamp;
use rusqlite::{Row, params};

use crate::column::{At, Count, Word, at, count, id, json, maybe_id, seq, word};
use crate::{Error, Tx, View};

/// What a list shows of each. A journal may be as large as everything that the call had read.
const LISTED: &str = "SELECT id, extension, version, digest, handler, event, session, at, seed, outcome, sentence,
    actions, 'null' AS journal, log, cpu_us, wall_us, memory_bytes,
    octet_length(actions) + octet_length(log) AS page_bytes FROM invocations";

/// Which invocations.
#[derive(Debug, Clone)]
pub struct InvocationQuery {
    /// Those of one extension.
    pub extension: Option<String>,
    /// Those that were recorded before this one.
    pub before: Option<InvocationId>,
    /// How many at most.
    pub limit: u32,
}

impl View<'_> {
    /// The invocation of that id.
    pub fn invocation(&self, id: &InvocationId) -> Result<Option<Invocation>, Error> {
        self.one("SELECT * FROM invocations WHERE id = ?1", [id.as_str()], invocation)
    }

    /// Invocations without their journals, the newest first: as many as [`INVOCATIONS_PAGE_BYTES_MAX`] allows, so fewer
    /// than the limit need not be all. Before one that is no longer there, there are none.
    pub fn invocations(&self, query: &InvocationQuery) -> Result<Vec<Invocation>, Error> {
        let before = match &query.before {
            Some(id) => self.invocation_position(id)?.unwrap_or(0),
            None => i64::MAX,
        };
        let bytes_max = INVOCATIONS_PAGE_BYTES_MAX;
        let Some(extension) = &query.extension else {
            let all = format!("{LISTED} WHERE position < ?1 ORDER BY position DESC LIMIT ?2");
            return self.page(&all, params![before, query.limit], bytes_max, invocation);
        };
        let own = format!("{LISTED} WHERE extension = ?1 AND position < ?2 ORDER BY position DESC LIMIT ?3");
        self.page(&own, params![extension, before, query.limit], bytes_max, invocation)
    }

    fn invocation_position(&self, id: &InvocationId) -> Result<Option<i64>, Error> {
        self.one("SELECT position FROM invocations WHERE id = ?1", [id.as_str()], |row| row.get("position"))
    }
}

impl Tx<'_> {
    /// Records an invocation, and drops the oldest of its extension as far as that has too many, or too large ones.
    ///
    /// # Errors
    ///
    /// When its id has been used.
    pub fn put_invocation(&self, invocation: &Invocation) -> Result<(), Error> {
        let texts = [&invocation.actions, &invocation.journal, &invocation.log].map(ToString::to_string);
        let [actions, journal, log] = &texts;
        self.execute(
            "INSERT INTO invocations (id, extension, version, digest, handler, event, session, at, seed, outcome,
                 sentence, actions, journal, log, cpu_us, wall_us, memory_bytes, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
            params![
                invocation.id.as_str(),
                invocation.extension,
                invocation.version,
                invocation.digest,
                invocation.handler,
                Count(invocation.event.0),
                invocation.session.as_ref().map(SessionId::as_str),
                At(invocation.at),
                invocation.seed,
                Word(invocation.outcome),
                invocation.sentence,
                actions,
                journal,
                log,
                Count(invocation.cpu_us),
                Count(invocation.wall_us),
                Count(invocation.memory_bytes),
                Count(texts.iter().map(|text| text.len() as u64).sum()),
            ],
        )?;
        self.bound_invocations(&invocation.extension)
    }

    /// Removes invocations that began before `began_before`, a bounded number a call; how many.
    pub fn prune_invocations(&self, began_before: Timestamp) -> Result<u64, Error> {
        let removed = self.execute(
            "DELETE FROM invocations WHERE position IN (SELECT position FROM invocations WHERE at < ?1 LIMIT ?2)",
            params![At(began_before), PRUNE_INVOCATIONS_MAX],
        )?;
        Ok(removed as u64)
    }

    /// The newest always stays, however large it is.
    fn bound_invocations(&self, extension: &str) -> Result<(), Error> {
        let sum = "SELECT count(*) AS rows, sum(bytes) AS bytes FROM invocations WHERE extension = ?1";
        let kept = self.one(sum, [extension], |row| Ok((count(row, "rows")?, count(row, "bytes")?)))?;
        let (mut rows, mut bytes) = kept.unwrap_or_default();
        while rows > u64::from(INVOCATIONS_KEPT_MAX) || (rows > 1 && bytes > INVOCATIONS_KEPT_BYTES_MAX) {
            let dropped = self.one(
                "DELETE FROM invocations WHERE position = (SELECT min(position) FROM invocations WHERE extension = ?1)
                 RETURNING bytes",
                [extension],
                |row| count(row, "bytes"),
            )?;
            bytes -= dropped.unwrap_or(bytes);
            rows -= 1;
        }
        Ok(())
    }
}

fn invocation(row: &Row<'_>) -> rusqlite::Result<Invocation> {
    Ok(Invocation {
        id: id(row, "id", InvocationId::new)?,
        extension: row.get("extension")?,
        version: row.get("version")?,
        digest: row.get("digest")?,
        handler: row.get("handler")?,
        event: seq(row, "event")?,
        session: maybe_id(row, "session", SessionId::new)?,
        at: at(row, "at")?,
        seed: row.get("seed")?,
        outcome: word(row, "outcome")?,
        sentence: row.get("sentence")?,
        actions: json(row, "actions")?,
        journal: json(row, "journal")?,
        log: json(row, "log")?,
        cpu_us: count(row, "cpu_us")?,
        wall_us: count(row, "wall_us")?,
        memory_bytes: count(row, "memory_bytes")?,
    })
}
