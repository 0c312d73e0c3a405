//! Turns.

use codex_manager_model::{Generation, SessionId, Turn, TurnId, TurnStatus};
use jiff::Timestamp;
use rusqlite::{Row, params};

use crate::column::{At, Word, at, id, maybe_at, word};
use crate::{Error, Tx, View};

impl View<'_> {
    /// The turn of that id.
    pub fn turn(&self, session: &SessionId, id: &TurnId) -> Result<Option<Turn>, Error> {
        self.one("SELECT * FROM turns WHERE session = ?1 AND id = ?2", [session.as_str(), id.as_str()], turn)
    }

    /// All turns that are in progress, in order of first appearance.
    pub fn open_turns(&self) -> Result<Vec<Turn>, Error> {
        self.all("SELECT * FROM turns WHERE status = 'inProgress' ORDER BY position", [], turn)
    }

    /// All turns of a session, in order of first appearance.
    pub fn turns_of(&self, session: &SessionId) -> Result<Vec<Turn>, Error> {
        self.all("SELECT * FROM turns WHERE session = ?1 ORDER BY position", [session.as_str()], turn)
    }

    /// The session's turn that is in progress; the last, should there be several.
    pub fn open_turn_of(&self, session: &SessionId) -> Result<Option<Turn>, Error> {
        self.one(
            "SELECT * FROM turns WHERE session = ?1 AND status = 'inProgress' ORDER BY position DESC",
            [session.as_str()],
            turn,
        )
    }

    /// The session's turn that was heard of last.
    pub fn last_turn_of(&self, session: &SessionId) -> Result<Option<Turn>, Error> {
        let sql = "SELECT * FROM turns WHERE session = ?1 ORDER BY position DESC LIMIT 1";
        self.one(sql, [session.as_str()], turn)
    }
}

impl Tx<'_> {
    /// Writes a turn, new or in progress. One that has finished stays as it is: then the answer is `false`.
    pub fn put_turn(&self, turn: &Turn) -> Result<bool, Error> {
        self.change(
            "INSERT INTO turns (id, session, generation, status, started_at, completed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (session, id) DO UPDATE SET generation = excluded.generation, status = excluded.status,
                 started_at = excluded.started_at, completed_at = excluded.completed_at
             WHERE turns.status = 'inProgress'",
            params![
                turn.id.as_str(),
                turn.session.as_str(),
                turn.generation.as_str(),
                Word(turn.status),
                At(turn.started_at),
                turn.completed_at.map(At),
            ],
        )
    }

    /// Ends a turn that is in progress. `false` if there is none, or if it had ended before.
    pub fn finish_turn(
        &self,
        session: &SessionId,
        id: &TurnId,
        status: TurnStatus,
        at: Timestamp,
    ) -> Result<bool, Error> {
        self.change(
            "UPDATE turns SET status = ?3, completed_at = ?4
             WHERE session = ?1 AND id = ?2 AND status = 'inProgress'",
            params![session.as_str(), id.as_str(), Word(status), At(at)],
        )
    }

    /// Forgets a turn, and with it its items and what others wrote into it. The log keeps what it told of them.
    pub fn forget_turn(&self, session: &SessionId, id: &TurnId) -> Result<(), Error> {
        let of_turn = [session.as_str(), id.as_str()];
        self.execute(
            "UPDATE transcripts SET (entries, bytes) =
                 (SELECT transcripts.entries - count(*), transcripts.bytes - coalesce(sum(bytes), 0)
                  FROM transcript_entries WHERE session = ?1 AND turn = ?2) WHERE session = ?1",
            of_turn,
        )?;
        self.execute("DELETE FROM transcript_entries WHERE session = ?1 AND turn = ?2", of_turn)?;
        self.execute("DELETE FROM items WHERE session = ?1 AND turn = ?2", of_turn)?;
        self.execute("DELETE FROM turns WHERE session = ?1 AND id = ?2", of_turn)?;
        Ok(())
    }
}

fn turn(row: &Row<'_>) -> rusqlite::Result<Turn> {
    Ok(Turn {
        id: id(row, "id", TurnId::new)?,
        session: id(row, "session", SessionId::new)?,
        generation: id(row, "generation", Generation::new)?,
        status: word(row, "status")?,
        started_at: at(row, "started_at")?,
        completed_at: maybe_at(row, "completed_at")?,
    })
}
