//! Approvals. They move forward only, and each step is compare and set: of two that decide at once, one succeeds.

use codex_manager_model::{
    Actor, Approval, ApprovalId, ApprovalState, Decision, DecisionScope, Generation, ItemId, SessionId, TurnId,
};
use jiff::Timestamp;
use rusqlite::{Row, ToSql, params, params_from_iter};
use serde_json::Value;

use crate::column::{At, Json, Word, at, id, json, maybe_at, maybe_id, maybe_word, word};
use crate::{Error, Tx, View};

/// Which approvals.
#[derive(Debug, Clone)]
pub struct ApprovalQuery {
    /// Those of one session.
    pub session: Option<SessionId>,
    /// Those in one state.
    pub state: Option<ApprovalState>,
    /// How many at most.
    pub limit: u32,
}

/// Whose approvals can no longer be answered.
#[derive(Debug, Clone, Copy)]
pub enum ExpireScope<'a> {
    /// Those that this child asked and nobody has decided.
    Generation(&'a Generation),
    /// Those of one turn that nobody has decided.
    Turn(&'a SessionId, &'a TurnId),
    /// All that nobody has decided.
    All,
    /// That one, decided or not.
    One(&'a ApprovalId),
}

impl View<'_> {
    /// The approval of that id.
    pub fn approval(&self, id: &ApprovalId) -> Result<Option<Approval>, Error> {
        self.one("SELECT * FROM approvals WHERE id = ?1", [id.as_str()], approval)
    }

    /// Approvals, the oldest first.
    pub fn approvals(&self, query: &ApprovalQuery) -> Result<Vec<Approval>, Error> {
        let session = query.session.as_ref().map(SessionId::as_str);
        let state = query.state.map(Word);
        // Only what is asked for stands in the condition, so that an index answers it.
        let mut condition = String::from("true");
        let mut values: Vec<&dyn ToSql> = Vec::new();
        if let Some(session) = &session {
            condition += " AND session = ?";
            values.push(session);
        }
        if let Some(state) = &state {
            condition += " AND state = ?";
            values.push(state);
        }
        values.push(&query.limit);
        let select = format!("SELECT * FROM approvals WHERE {condition} ORDER BY created_at, position LIMIT ?");
        self.all(&select, values.as_slice(), approval)
    }

    /// The approval behind a child's request. A child that used an id twice means the later.
    pub fn approval_by_request(&self, asked: &Generation, request_id: &Value) -> Result<Option<Approval>, Error> {
        self.one(
            "SELECT * FROM approvals WHERE generation = ?1 AND request_id = ?2 ORDER BY position DESC",
            params![asked.as_str(), Json(request_id)],
            approval,
        )
    }
}

impl Tx<'_> {
    /// Writes a new approval.
    ///
    /// # Errors
    ///
    /// When its id has been used.
    pub fn put_approval(&self, approval: &Approval) -> Result<(), Error> {
        self.execute(
            "INSERT INTO approvals (id, generation, request_id, method, session, turn, item, summary, details, state,
                 decision, scope, decided_by, created_at, resolved_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            params![
                approval.id.as_str(),
                approval.generation.as_str(),
                Json(&approval.request_id),
                approval.method,
                approval.session.as_str(),
                approval.turn.as_ref().map(TurnId::as_str),
                approval.item.as_ref().map(ItemId::as_str),
                approval.summary,
                Json(&approval.details),
                Word(approval.state),
                approval.decision.map(Word),
                approval.scope.map(Word),
                approval.decided_by.as_ref().map(Actor::to_string),
                At(approval.created_at),
                approval.resolved_at.map(At),
            ],
        )?;
        Ok(())
    }

    /// Records a decision on a pending approval. `false` if it is not pending (any more).
    pub fn decide_approval(
        &self,
        id: &ApprovalId,
        decision: Decision,
        scope: DecisionScope,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<bool, Error> {
        self.change(
            "UPDATE approvals SET state = 'decided', decision = ?2, scope = ?3, decided_by = ?4, resolved_at = ?5
             WHERE id = ?1 AND state = 'pending'",
            params![id.as_str(), Word(decision), Word(scope), actor.to_string(), At(at)],
        )
    }

    /// Notes that the child has taken the decision. `false` if there was none on its way.
    pub fn perform_approval(&self, id: &ApprovalId) -> Result<bool, Error> {
        self.change("UPDATE approvals SET state = 'performed' WHERE id = ?1 AND state = 'decided'", [id.as_str()])
    }

    /// Expires approvals and gives them as they are now, in order of first appearance. Of many only those that are
    /// pending: one that is decided has been answered, or is about to be, and is expired by name when it turns out
    /// that it was not.
    pub fn expire_approvals(&self, scope: ExpireScope<'_>, at: Timestamp) -> Result<Vec<Approval>, Error> {
        let (condition, values) = match scope {
            ExpireScope::Generation(asked) => ("state = 'pending' AND generation = ?1", vec![asked.as_str()]),
            ExpireScope::Turn(session, turn) => {
                ("state = 'pending' AND session = ?1 AND turn = ?2", vec![session.as_str(), turn.as_str()])
            }
            ExpireScope::All => ("state = 'pending'", vec![]),
            ExpireScope::One(id) => ("state IN ('pending', 'decided') AND id = ?1", vec![id.as_str()]),
        };
        let select = format!("SELECT * FROM approvals WHERE {condition} ORDER BY position");
        let mut approvals = self.all(&select, params_from_iter(values), approval)?;
        for approval in &mut approvals {
            approval.state = ApprovalState::Expired;
            approval.resolved_at.get_or_insert(at);
            self.execute(
                "UPDATE approvals SET state = 'expired', resolved_at = ?2 WHERE id = ?1",
                params![approval.id.as_str(), approval.resolved_at.map(At)],
            )?;
        }
        Ok(approvals)
    }
}

fn approval(row: &Row<'_>) -> rusqlite::Result<Approval> {
    Ok(Approval {
        id: id(row, "id", ApprovalId::new)?,
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
        decided_by: maybe_id(row, "decided_by", Actor::from)?,
        created_at: at(row, "created_at")?,
        resolved_at: maybe_at(row, "resolved_at")?,
    })
}
