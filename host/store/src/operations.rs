//! Operations: the outbox. Each step is compare and set, so that what was sent is never sent again by a second look.

use codex_manager_model::limits::PRUNE_OPERATIONS_MAX;
use codex_manager_model::{Actor, Cause, Generation, InteractionId, Operation, OperationId, OperationState, SessionId};
use jiff::Timestamp;
use rusqlite::{Row, params};
use serde_json::Value;

use crate::column::{At, Count, Json, Word, at, count, id, json, maybe_id, maybe_seq, word};
use crate::{Error, Tx, View};

/// What may still change by itself. The states stand here as in the index of it, so that SQLite takes that one.
const OPEN: &str = "SELECT * FROM operations WHERE state IN ('recorded', 'sending', 'unknown')";

impl View<'_> {
    /// The operation of that id.
    pub fn operation(&self, id: &OperationId) -> Result<Option<Operation>, Error> {
        self.one("SELECT * FROM operations WHERE id = ?1", [id.as_str()], operation)
    }

    /// What is recorded and may be sent now: replies first, then calls, the oldest first. Of the calls of one session
    /// only the first that is on its way or about to be, so that none overtakes another and many cannot crowd out the rest.
    pub fn due_operations(&self, limit: u32) -> Result<Vec<Operation>, Error> {
        self.all(
            "SELECT * FROM operations AS due WHERE state = 'recorded'
                 AND (kind = 'reply' OR session IS NULL OR NOT EXISTS (SELECT 1 FROM operations AS before
                     WHERE before.state IN ('recorded', 'sending') AND before.kind = 'call'
                     AND before.session = due.session AND before.position < due.position))
             ORDER BY kind = 'call', position LIMIT ?1",
            [limit],
            operation,
        )
    }

    /// All operations in a state, the oldest first. Meant for the states that are passed through, which hold few.
    pub fn operations_in(&self, state: OperationState) -> Result<Vec<Operation>, Error> {
        self.all("SELECT * FROM operations WHERE state = ?1 ORDER BY position", [Word(state)], operation)
    }

    /// What is open of a session, the oldest first: recorded, on its way, or of an outcome that nobody knows.
    pub fn open_operations_of(&self, session: &SessionId) -> Result<Vec<Operation>, Error> {
        self.all(&format!("{OPEN} AND session = ?1 ORDER BY position"), [session.as_str()], operation)
    }

    /// A call of one of these methods that the child has not answered yet, of one session or of any; rather one that is
    /// on its way than one that is recorded.
    pub fn call_under_way(&self, methods: &[&str], session: Option<&SessionId>) -> Result<Option<Operation>, Error> {
        let whose = if session.is_some() { "session = ?2" } else { "?2 IS NULL" };
        let select = format!(
            "{OPEN} AND {whose} AND state <> 'unknown' AND kind = 'call' AND method IN (SELECT value FROM json_each(?1))
             ORDER BY state DESC, position LIMIT 1"
        );
        self.one(&select, params![Json(methods), session.map(SessionId::as_str)], operation)
    }

    /// How many operations there are in each state that any is in.
    pub fn operations_by_state(&self) -> Result<Vec<(OperationState, u64)>, Error> {
        let sql = "SELECT state, count(*) AS operations FROM operations GROUP BY state";
        self.all(sql, [], |row| Ok((word(row, "state")?, count(row, "operations")?)))
    }
}

impl Tx<'_> {
    /// Records a new operation.
    ///
    /// # Errors
    ///
    /// When its id has been used, or its interaction is unknown.
    pub fn record_operation(&self, operation: &Operation) -> Result<(), Error> {
        self.execute(
            "INSERT INTO operations (id, kind, method, session, interaction, generation, body, state, outcome, actor,
                 cause, cause_hops, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            params![
                operation.id.as_str(),
                Word(operation.kind),
                operation.method,
                operation.session.as_ref().map(SessionId::as_str),
                operation.interaction.as_ref().map(InteractionId::as_str),
                operation.generation.as_ref().map(Generation::as_str),
                Json(&operation.body),
                Word(operation.state),
                operation.outcome.as_ref().map(Json),
                operation.actor.to_string(),
                operation.cause.map(|cause| Count(cause.seq.0)),
                operation.cause.map(|cause| cause.hops),
                At(operation.created_at),
                At(operation.updated_at),
            ],
        )?;
        Ok(())
    }

    /// Moves an operation on, if it is in one of the states `from`; whether it was. A generation or an outcome of
    /// `None` leaves what is there.
    pub fn set_operation_state(
        &self,
        id: &OperationId,
        from: &[OperationState],
        to: OperationState,
        generation: Option<&Generation>,
        outcome: Option<&Value>,
        at: Timestamp,
    ) -> Result<bool, Error> {
        self.change(
            "UPDATE operations SET state = ?3, generation = coalesce(?4, generation),
                 outcome = coalesce(?5, outcome), updated_at = ?6
             WHERE id = ?1 AND state IN (SELECT value FROM json_each(?2))",
            params![id.as_str(), Json(from), Word(to), generation.map(Generation::as_str), outcome.map(Json), At(at)],
        )
    }

    /// Removes operations that are settled and were last changed before `settled_before`, a bounded number a call; how
    /// many. Those whose outcome is still open stay, however old.
    pub fn prune_operations(&self, settled_before: Timestamp) -> Result<u64, Error> {
        // The states stand here word by word so that SQLite takes the index of what is settled.
        let removed = self.execute(
            "DELETE FROM operations WHERE position IN (SELECT position FROM operations
                 WHERE state IN ('answered', 'failed', 'void') AND updated_at < ?1 LIMIT ?2)",
            params![At(settled_before), PRUNE_OPERATIONS_MAX],
        )?;
        Ok(removed as u64)
    }
}

fn operation(row: &Row<'_>) -> rusqlite::Result<Operation> {
    Ok(Operation {
        id: id(row, "id", OperationId::new)?,
        kind: word(row, "kind")?,
        method: row.get("method")?,
        session: maybe_id(row, "session", SessionId::new)?,
        interaction: maybe_id(row, "interaction", InteractionId::new)?,
        generation: maybe_id(row, "generation", Generation::new)?,
        body: json(row, "body")?,
        state: word(row, "state")?,
        outcome: row.get::<_, Option<Json<Value>>>("outcome")?.map(|Json(value)| value),
        actor: id(row, "actor", Actor::from)?,
        cause: cause(row)?,
        created_at: at(row, "created_at")?,
        updated_at: at(row, "updated_at")?,
    })
}

fn cause(row: &Row<'_>) -> rusqlite::Result<Option<Cause>> {
    maybe_seq(row, "cause")?.map(|seq| Ok(Cause { seq, hops: row.get("cause_hops")? })).transpose()
}
