//! Interactions. They move forward only, and each step is compare and set: of two that decide at once, one succeeds.

use codex_manager_model::limits::PRUNE_INTERACTIONS_MAX;
use codex_manager_model::{
    Actor, Decision, DecisionScope, Generation, Interaction, InteractionId, InteractionKind, InteractionState, ItemId,
    SessionId, TurnId,
};
use jiff::Timestamp;
use rusqlite::{Row, ToSql, params, params_from_iter};
use serde_json::Value;

use crate::column::{At, Json, Word, at, id, json, maybe_at, maybe_id, maybe_word, word};
use crate::{Error, Tx, View};

/// Which interactions.
#[derive(Debug, Clone)]
pub struct InteractionQuery {
    /// Those of one kind.
    pub kind: Option<InteractionKind>,
    /// Those of one session.
    pub session: Option<SessionId>,
    /// Those in one state.
    pub state: Option<InteractionState>,
    /// The newest first; else the oldest.
    pub newest_first: bool,
    /// Those that come after this one in that order. After one that is not there comes nothing.
    pub after: Option<InteractionId>,
    /// How many at most.
    pub limit: u32,
}

/// Whose interactions can no longer be answered.
#[derive(Debug, Clone, Copy)]
pub enum ExpireScope<'a> {
    /// Those that this child asked and nobody has decided.
    Generation(&'a Generation),
    /// Those of one turn that nobody has decided.
    Turn(&'a SessionId, &'a TurnId),
    /// Those of one session, decided or not: it has ended, and no answer has any effect.
    Session(&'a SessionId),
    /// All that nobody has decided.
    All,
    /// That one, decided or not.
    One(&'a InteractionId),
}

impl View<'_> {
    /// The interaction of that id.
    pub fn interaction(&self, id: &InteractionId) -> Result<Option<Interaction>, Error> {
        self.one("SELECT * FROM interactions WHERE id = ?1", [id.as_str()], interaction)
    }

    /// Interactions, in the order in which they were asked or the reverse of it.
    pub fn interactions(&self, query: &InteractionQuery) -> Result<Vec<Interaction>, Error> {
        let kind = query.kind.map(Word);
        let session = query.session.as_ref().map(SessionId::as_str);
        let state = query.state.map(Word);
        let after = query.after.as_ref().map(InteractionId::as_str);
        let (beyond, order) = if query.newest_first { ('<', "DESC") } else { ('>', "ASC") };
        // Only what is asked for stands in the condition, so that an index answers it.
        let mut condition = String::from("true");
        let mut values: Vec<&dyn ToSql> = Vec::new();
        let mut narrow = |term: &str, value| {
            condition = format!("{condition} AND {term}");
            values.push(value);
        };
        if let Some(kind) = &kind {
            narrow("kind = ?", kind);
        }
        if let Some(session) = &session {
            narrow("session = ?", session);
        }
        if let Some(state) = &state {
            narrow("state = ?", state);
        }
        if let Some(after) = &after {
            narrow(&format!("position {beyond} (SELECT position FROM interactions WHERE id = ?)"), after);
        }
        values.push(&query.limit);
        let select = format!("SELECT * FROM interactions WHERE {condition} ORDER BY position {order} LIMIT ?");
        self.all(&select, values.as_slice(), interaction)
    }

    /// The interaction behind a child's request. A child that used an id twice means the later.
    pub fn interaction_by_request(&self, asked: &Generation, request_id: &Value) -> Result<Option<Interaction>, Error> {
        self.one(
            "SELECT * FROM interactions WHERE generation = ?1 AND request_id = ?2 ORDER BY position DESC",
            params![asked.as_str(), Json(request_id)],
            interaction,
        )
    }
}

impl Tx<'_> {
    /// Writes a new interaction.
    ///
    /// # Errors
    ///
    /// When its id has been used.
    pub fn put_interaction(&self, interaction: &Interaction) -> Result<(), Error> {
        self.execute(
            "INSERT INTO interactions (id, kind, generation, request_id, method, session, turn, item, summary, details,
                 state, decision, scope, response, decided_by, created_at, resolved_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            params![
                interaction.id.as_str(),
                Word(interaction.kind),
                interaction.generation.as_str(),
                Json(&interaction.request_id),
                interaction.method,
                interaction.session.as_str(),
                interaction.turn.as_ref().map(TurnId::as_str),
                interaction.item.as_ref().map(ItemId::as_str),
                interaction.summary,
                Json(&interaction.details),
                Word(interaction.state),
                interaction.decision.map(Word),
                interaction.scope.map(Word),
                interaction.response.as_ref().map(Json),
                interaction.decided_by.as_ref().map(Actor::to_string),
                At(interaction.created_at),
                interaction.resolved_at.map(At),
            ],
        )?;
        Ok(())
    }

    /// Records a decision on a pending interaction. `false` if it is not pending (any more).
    pub fn decide_interaction(
        &self,
        id: &InteractionId,
        decision: Decision,
        scope: Option<DecisionScope>,
        response: Option<&Value>,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<bool, Error> {
        self.change(
            "UPDATE interactions SET state = 'decided', decision = ?2, scope = ?3, response = ?4, decided_by = ?5,
                 resolved_at = ?6
             WHERE id = ?1 AND state = 'pending'",
            params![id.as_str(), Word(decision), scope.map(Word), response.map(Json), actor.to_string(), At(at)],
        )
    }

    /// Notes that the decision has reached the child. `false` if there was none on its way.
    pub fn perform_interaction(&self, id: &InteractionId) -> Result<bool, Error> {
        self.change("UPDATE interactions SET state = 'performed' WHERE id = ?1 AND state = 'decided'", [id.as_str()])
    }

    /// Expires interactions and gives them as they are now, in order of first appearance. Of many only those that are
    /// pending: one that is decided has been answered, or is about to be, and is expired by name, or with its session.
    pub fn expire_interactions(&self, scope: ExpireScope<'_>, at: Timestamp) -> Result<Vec<Interaction>, Error> {
        let (condition, values) = match scope {
            ExpireScope::Generation(asked) => ("state = 'pending' AND generation = ?1", vec![asked.as_str()]),
            ExpireScope::Turn(session, turn) => {
                ("state = 'pending' AND session = ?1 AND turn = ?2", vec![session.as_str(), turn.as_str()])
            }
            ExpireScope::Session(session) => {
                ("state IN ('pending', 'decided') AND session = ?1", vec![session.as_str()])
            }
            ExpireScope::All => ("state = 'pending'", vec![]),
            ExpireScope::One(id) => ("state IN ('pending', 'decided') AND id = ?1", vec![id.as_str()]),
        };
        let select = format!("SELECT * FROM interactions WHERE {condition} ORDER BY position");
        let mut interactions = self.all(&select, params_from_iter(values), interaction)?;
        for interaction in &mut interactions {
            interaction.state = InteractionState::Expired;
            interaction.resolved_at.get_or_insert(at);
            self.execute(
                "UPDATE interactions SET state = 'expired', resolved_at = ?2 WHERE id = ?1",
                params![interaction.id.as_str(), interaction.resolved_at.map(At)],
            )?;
        }
        Ok(interactions)
    }

    /// Removes interactions that were over before `over_before`, a bounded number a call; how many. One that waits stays,
    /// however old, and so does one whose reply the outbox still has: it says what became of it.
    pub fn prune_interactions(&self, over_before: Timestamp) -> Result<u64, Error> {
        // The states stand here word by word so that SQLite takes the index of what is over.
        let removed = self.execute(
            "DELETE FROM interactions WHERE position IN (SELECT position FROM interactions
                 WHERE state IN ('performed', 'expired') AND resolved_at < ?1
                 AND NOT EXISTS (SELECT 1 FROM operations WHERE interaction = interactions.id) LIMIT ?2)",
            params![At(over_before), PRUNE_INTERACTIONS_MAX],
        )?;
        Ok(removed as u64)
    }
}

fn interaction(row: &Row<'_>) -> rusqlite::Result<Interaction> {
    Ok(Interaction {
        id: id(row, "id", InteractionId::new)?,
        kind: word(row, "kind")?,
        generation: id(row, "generation", Generation::new)?,
        request_id: json(row, "request_id")?,
        method: row.get("method")?,
        session: id(row, "session", SessionId::new)?,
        turn: maybe_id(row, "turn", TurnId::new)?,
        item: maybe_id(row, "item", ItemId::new)?,
        summary: row.get("summary")?,
        details: json(row, "details")?,
        state: word(row, "state")?,
        decision: maybe_word(row, "decision")?,
        scope: maybe_word(row, "scope")?,
        response: row.get::<_, Option<Json<Value>>>("response")?.map(|Json(value)| value),
        decided_by: maybe_id(row, "decided_by", Actor::from)?,
        created_at: at(row, "created_at")?,
        resolved_at: maybe_at(row, "resolved_at")?,
    })
}
