//! Rolling back: the last turns of a session are taken out of it, as if they had never been.
//!
//! Codex takes back to a turn, and not by a number; so its history says which turn that is.

use std::collections::VecDeque;

use codex_manager_model::{Actor, Operation, Session, SessionId, TurnId, whole};
use codex_manager_store::{Tx, View};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Sessions;
use super::admit::usable_in;
use crate::service::{Error, code, taken};

/// How many turns one page of the child's history holds.
const PAGE: usize = 100;
/// How many turns can be taken back at once.
const TURNS_MAX: usize = 10_000;

/// How much to take back.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rollback {
    /// How many turns, from the last on.
    #[serde(default = "one", deserialize_with = "whole::required")]
    #[schema(minimum = 1, maximum = 10_000, default = 1)]
    num_turns: u32,
}

/// A session that is as it was before.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RolledBack {
    /// `ok`.
    status: &'static str,
    /// The session.
    session_id: SessionId,
    /// How many turns were taken back.
    num_turns: u32,
    /// What Codex answered.
    #[schema(value_type = Object)]
    result: Value,
}

fn one() -> u32 {
    1
}

impl Sessions {
    /// Takes the last turns back. What commands have changed on the disk stays changed.
    ///
    /// # Errors
    /// Invalid when there are not so many turns; `invalid_state` while a turn runs; the child's own refusal.
    pub(crate) async fn rollback(&self, session: Session, body: Rollback, actor: Actor) -> Result<RolledBack, Error> {
        let (session_id, num_turns) = (session.id, body.num_turns);
        let count = usize::try_from(num_turns).unwrap_or(usize::MAX);
        if !(1..=TURNS_MAX).contains(&count) {
            return Err(Error::invalid("numTurns", &format!("must be between 1 and {TURNS_MAX}")));
        }
        // Asked once more, it does not look for turns to take back: those that were are gone.
        let done = match self.outbox.earlier("thread/revert", &session_id).await? {
            Some(earlier) => earlier,
            None => self.revert(&session_id, count, actor).await?,
        };
        Ok(RolledBack { status: "ok", session_id, num_turns, result: done.outcome.unwrap_or_default() })
    }

    async fn revert(&self, id: &SessionId, count: usize, actor: Actor) -> Result<Operation, Error> {
        let (idle, looked_at) = (id.clone(), self.clock.now());
        self.store.read(move |view| idle_in(view, &idle)).await?;
        let turns = self.last_turns(id, count).await?;
        let params = json!({ "threadId": id, "beforeTurnId": turns.front() });
        let body = json!({ "params": params, "reverted": turns });
        let operation = self.outbox.call("thread/revert", Some(id.clone()), body, actor);
        let id = id.clone();
        self.outbox.perform(operation, move |tx| still_last(tx, &id, looked_at)).await
    }

    /// The last turns that the child knows, the oldest first.
    async fn last_turns(&self, id: &SessionId, count: usize) -> Result<VecDeque<TurnId>, Error> {
        let mut turns = VecDeque::new();
        let mut cursor = Value::Null;
        while turns.len() < count {
            let limit = (count - turns.len()).min(PAGE);
            let params = json!({
                "threadId": id, "limit": limit, "cursor": cursor, "sortDirection": "desc", "itemsView": "notLoaded",
            });
            let mut page =
                self.child.ask("thread/turns/list", params).await.map_err(|e| e.with("sessionId", id.as_str()))?;
            let told = page["data"].as_array().into_iter().flatten();
            let known = turns.len();
            let told = told.take(count - known);
            told.filter_map(|turn| turn["id"].as_str()).for_each(|turn| turns.push_front(TurnId::new(turn)));
            cursor = taken(&mut page, "nextCursor");
            if turns.len() == known || cursor.is_null() {
                break;
            }
        }
        if turns.len() < count {
            return Err(Error::invalid(
                "numTurns",
                &format!("must be at most {}: the session has no more", turns.len()),
            ));
        }
        Ok(turns)
    }
}

/// That no turn of the session runs, or is about to.
fn idle_in(view: &View<'_>, id: &SessionId) -> Result<(), Error> {
    usable_in(view, id)?;
    if view.call_under_way(&["turn/start"], Some(id))?.is_none() && view.open_turn_of(id)?.is_none() {
        return Ok(());
    }
    let message = format!("a turn of session {id} is in progress, and nothing can be taken back until it has ended");
    Err(Error::new(code::INVALID_STATE, message).with("sessionId", id.as_str()))
}

/// That the last turns are still those that were the last at that time.
fn still_last(tx: &Tx<'_>, id: &SessionId, at: Timestamp) -> Result<(), Error> {
    idle_in(tx, id)?;
    match tx.last_turn_of(id)? {
        Some(turn) if turn.started_at >= at => {
            let message = format!("a turn of session {id} began while it was looked which to take back");
            Err(Error::new(code::INVALID_STATE, message).with("sessionId", id.as_str()))
        }
        _ => Ok(()),
    }
}
