//! The event log: facts, numbered densely in the order of commits.

use codex_manager_model::{Actor, Epoch, Event, NewEvent, Seq, SessionId, TurnId};
use rusqlite::{Row, params};

use crate::column::{At, Count, Json, at, count, id, maybe_id, maybe_seq, seq};
use crate::{Error, Tx, View};

/// Why the row that counts the log is there.
const LOG_ROW: &str = "the log has its row since the file was made";

/// Where the log begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventBounds {
    /// The oldest event that is still there; `None` when there is none.
    pub oldest: Option<Seq>,
    /// The last number given, whether or not its event is still there.
    pub head: Seq,
    /// How much the events take, in bytes of text.
    pub bytes: u64,
}

impl View<'_> {
    /// The events after a place, at most `limit`, in order.
    pub fn events(&self, after: Seq, limit: u32) -> Result<Vec<Event>, Error> {
        self.all("SELECT * FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2", params![Count(after.0), limit], event)
    }

    /// The events of some kinds after a place, at most `limit`, in order. With fewer than that, there are no more up to
    /// the head of this view.
    pub fn events_of_kinds(&self, after: Seq, kinds: &[String], limit: u32) -> Result<Vec<Event>, Error> {
        self.all(
            "SELECT * FROM events WHERE seq > ?1 AND kind IN (SELECT value FROM json_each(?2)) ORDER BY seq LIMIT ?3",
            params![Count(after.0), Json(kinds), limit],
            event,
        )
    }

    /// Where the log begins and ends.
    pub fn event_bounds(&self) -> Result<EventBounds, Error> {
        let bounds = self.one("SELECT head, bytes, (SELECT min(seq) FROM events) AS oldest FROM log", [], |row| {
            Ok(EventBounds { oldest: maybe_seq(row, "oldest")?, head: seq(row, "head")?, bytes: count(row, "bytes")? })
        })?;
        Ok(bounds.expect(LOG_ROW))
    }

    /// The end of the log and its lineage.
    pub(crate) fn log(&self) -> Result<(Seq, Epoch), Error> {
        let log = self.one("SELECT * FROM log", [], |row| Ok((seq(row, "head")?, id(row, "epoch", Epoch::new)?)))?;
        Ok(log.expect(LOG_ROW))
    }
}

impl Tx<'_> {
    /// Writes down what is there already: that succeeds as soon as the disk takes anything again.
    pub fn touch_log(&self) -> Result<(), Error> {
        self.execute("UPDATE log SET head = head", []).map(drop)
    }

    /// Writes an event at the end of the log and gives its number. An operation that is rolled back gives its numbers
    /// back too, so that there are no gaps. Whether its session is a worker's is noted as it is at this moment.
    pub fn append_event(&self, event: NewEvent) -> Result<Seq, Error> {
        let payload = event.payload.to_string();
        let session = event.session.as_ref().map(SessionId::as_str);
        let turn = event.turn.as_ref().map(TurnId::as_str);
        let actor = event.actor.map(String::from);
        let names = [Some(event.kind.as_str()), session, turn, actor.as_deref()].into_iter().flatten();
        let bytes = Count((names.map(str::len).sum::<usize>() + payload.len()) as u64);
        let head = self.one("UPDATE log SET head = head + 1, bytes = bytes + ?1 RETURNING head", [&bytes], |row| {
            seq(row, "head")
        })?;
        let number = head.expect(LOG_ROW);
        self.execute(
            "INSERT INTO events (seq, kind, session, turn, payload, bytes, at, actor, caused_by, hops, of_worker)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,
                     EXISTS (SELECT 1 FROM sessions WHERE id = ?3 AND worker_owner IS NOT NULL)
                     OR EXISTS (SELECT 1 FROM tombstones WHERE session = ?3 AND of_worker))",
            params![
                Count(number.0),
                event.kind,
                session,
                turn,
                payload,
                bytes,
                At(event.at),
                actor,
                event.caused_by.map(|Seq(cause)| Count(cause)),
                event.hops
            ],
        )?;
        Ok(number)
    }
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        seq: seq(row, "seq")?,
        kind: row.get("kind")?,
        session: maybe_id(row, "session", SessionId::new)?,
        turn: maybe_id(row, "turn", TurnId::new)?,
        payload: row.get::<_, Option<Json<_>>>("payload")?.map(|Json(value)| value),
        at: at(row, "at")?,
        actor: maybe_id(row, "actor", Actor::from)?,
        caused_by: maybe_seq(row, "caused_by")?,
        hops: row.get("hops")?,
        of_worker: row.get("of_worker")?,
    })
}
