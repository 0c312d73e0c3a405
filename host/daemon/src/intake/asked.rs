//! Requests of the child: shown and kept until somebody answers, or answered on the spot where nobody can.

use codex_manager_model::{
    Actor, Interaction, InteractionState, Operation, OperationId, OperationKind, OperationState,
};
use codex_manager_store::{Error, Tx};
use serde_json::{Value, json};

use super::apply::{card, row};
use super::change::Told;
use super::changes::with_changes;
use super::left_out::LeftOut;
use super::{request, signal, synthesized};
use crate::service::{house, interaction_asked, refusal, worker_was_refused};

/// JSON-RPC's word for a method that this side does not have.
const METHOD_NOT_FOUND: i64 = -32601;
/// JSON-RPC's word for params that are not taken.
const INVALID_PARAMS: i64 = -32602;
/// JSON-RPC's word for what cannot be asked now.
const INVALID_REQUEST: i64 = -32600;

/// A request that somebody can answer: it waits from now on, unless its session is one in which nobody answers.
pub(super) fn asked(tx: &Tx<'_>, told: &Told, interaction: &Interaction) -> Result<(), Error> {
    if let Some(why) = deleted(tx, told)? {
        return reply(tx, told, why);
    }
    if is_of_worker(tx, told)? {
        reply(tx, told, json!({ "result": refusal(interaction) }))?;
        return tell_worker(tx, told);
    }
    // A child that reuses the id of a request that still waits asks the same thing twice.
    let known = tx.interaction_by_request(&told.generation, &interaction.request_id)?;
    if known.is_some_and(|known| known.state == InteractionState::Pending) {
        return row(tx, told, card(tx, told)?.as_ref(), None);
    }
    let interaction = with_changes(tx, interaction)?;
    tx.put_interaction(&interaction)?;
    row(tx, told, card(tx, told)?.as_ref(), Some(house(&interaction)))?;
    interaction_asked(tx, &interaction)?;
    synthesized::approval_requested(tx, &interaction)
}

/// Fail-closed: what nobody here understands, or can be shown, is refused to the child, and shown.
pub(super) fn refused(tx: &Tx<'_>, told: &Told) -> Result<(), Error> {
    if let Some(why) = deleted(tx, told)? {
        return reply(tx, told, why);
    }
    if is_of_worker(tx, told)? {
        reply(tx, told, error(INVALID_REQUEST, format!("{} cannot be asked on behalf of a worker", told.method)))?;
        return tell_worker(tx, told);
    }
    let (code, message) = match &told.left_out {
        Some(LeftOut { reason, bytes }) => (INVALID_PARAMS, format!("params of {bytes} bytes are refused: {reason:?}")),
        None if request::kind(&told.method).is_some() => {
            (INVALID_PARAMS, format!("params of {} are not understood", told.method))
        }
        None => (METHOD_NOT_FOUND, format!("client does not support server-initiated method: {}", told.method)),
    };
    reply(tx, told, error(code, message))?;
    let house = json!({ "type": "server_request", "payload": signal::raw(told) });
    row(tx, told, card(tx, told)?.as_ref(), Some(house))
}

/// Records what the child is answered on the spot.
fn reply(tx: &Tx<'_>, told: &Told, mut answer: Value) -> Result<(), Error> {
    answer["id"] = told.request_id.clone().unwrap_or_default();
    tx.record_operation(&Operation {
        id: OperationId::fresh(),
        kind: OperationKind::Reply,
        method: told.method.clone(),
        session: told.session.clone(),
        interaction: None,
        generation: Some(told.generation.clone()),
        body: answer,
        state: OperationState::Recorded,
        outcome: None,
        actor: Actor::Host,
        cause: None,
        created_at: told.at,
        updated_at: told.at,
    })
}

fn error(code: i64, message: String) -> Value {
    json!({ "error": { "code": code, "message": message } })
}

/// The answer to a session that was deleted: the child has yet to be told, and nothing else is to be told of it.
fn deleted(tx: &Tx<'_>, told: &Told) -> Result<Option<Value>, Error> {
    let Some(session) = &told.session else { return Ok(None) };
    let tombstone = tx.tombstone(session)?;
    Ok(tombstone.map(|_| error(INVALID_REQUEST, format!("thread {session} is deleted"))))
}

fn is_of_worker(tx: &Tx<'_>, told: &Told) -> Result<bool, Error> {
    let Some(session) = &told.session else { return Ok(false) };
    Ok(tx.session(session)?.is_some_and(|session| session.worker.is_some()))
}

fn tell_worker(tx: &Tx<'_>, told: &Told) -> Result<(), Error> {
    match &told.session {
        Some(session) => worker_was_refused(tx, session, told.turn.as_ref(), &told.method, told.at),
        None => Ok(()),
    }
}
