//! What an answered operation changes in our own state, committed together with the answer.

use codex_manager_model::{
    Controls, NewEvent, Operation, OperationKind, OperationState, SessionId, Turn, TurnId, TurnStatus,
};
use codex_manager_store::{self as store, ExpireScope, Tx};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ending::{expire, interrupt};
use crate::thread;

/// Applies what follows from `operation` having arrived at its state. `alive` says whether the child that it was sent
/// to still lives.
pub(super) fn apply(tx: &Tx<'_>, operation: &Operation, alive: bool, now: Timestamp) -> Result<(), store::Error> {
    match (operation.kind, operation.state) {
        (OperationKind::Reply, OperationState::Answered) => reply_written(tx, operation, now),
        (OperationKind::Reply, OperationState::Void) => reply_void(tx, operation, now),
        (OperationKind::Call, OperationState::Answered) => call_answered(tx, operation, alive, now),
        _ => Ok(()),
    }
}

/// The decision is on its way to the child that asked: from here on it is told as made.
///
/// # Errors
/// When the store fails.
pub(crate) fn reply_written(tx: &Tx<'_>, operation: &Operation, now: Timestamp) -> Result<(), store::Error> {
    let Some(approval) = operation.approval.as_ref().map(|id| tx.approval(id)).transpose()?.flatten() else {
        return Ok(());
    };
    let payload = json!({
        "approvalId": approval.id,
        "status": "resolved",
        "decision": approval.decision,
        "scope": approval.scope,
        "actor": operation.actor,
    });
    let event = NewEvent::new("approval_resolved", Some(approval.session), payload, now).of_turn(approval.turn);
    tx.append_event(event.by(operation.actor.clone()).because(operation.cause))?;
    Ok(())
}

/// The child that asked is gone: the decision was never sent, and is told as expired.
fn reply_void(tx: &Tx<'_>, operation: &Operation, now: Timestamp) -> Result<(), store::Error> {
    match &operation.approval {
        Some(id) => expire(tx, ExpireScope::One(id), now),
        None => Ok(()),
    }
}

fn call_answered(tx: &Tx<'_>, operation: &Operation, alive: bool, now: Timestamp) -> Result<(), store::Error> {
    let Some(result) = &operation.outcome else { return Ok(()) };
    match operation.method.as_str() {
        "thread/start" => session_started(tx, operation, result, now),
        "turn/start" => turn_started(tx, operation, result, alive, now),
        _ => Ok(()),
    }
}

fn session_started(tx: &Tx<'_>, operation: &Operation, result: &Value, now: Timestamp) -> Result<(), store::Error> {
    let Some(mut session) = thread::session(&result["thread"], now) else { return Ok(()) };
    session.controls = controls(operation).unwrap_or_default();
    session.materialized = false;
    tx.put_session(&session)
}

/// A turn whose child is gone by now, and that nothing else was ever heard of, ends as it begins: nobody else will end it.
fn turn_started(
    tx: &Tx<'_>,
    operation: &Operation,
    result: &Value,
    alive: bool,
    now: Timestamp,
) -> Result<(), store::Error> {
    let (Some(session), Some(generation)) = (&operation.session, &operation.generation) else { return Ok(()) };
    if let Some(id) = result["turn"]["id"].as_str() {
        let turn = Turn {
            id: TurnId::new(id),
            session: session.clone(),
            generation: generation.clone(),
            status: TurnStatus::InProgress,
            started_at: now,
            completed_at: None,
        };
        // Its notifications may have come first, and told more.
        if tx.turn(session, &turn.id)?.is_none() {
            tx.put_turn(&turn)?;
            if !alive {
                interrupt(tx, &turn, "app_server_exited", now)?;
            }
        }
    }
    accept_turn(tx, session, controls(operation), now)
}

/// A first accepted turn makes a session real; the controls it was sent with stay with the session.
fn accept_turn(tx: &Tx<'_>, id: &SessionId, controls: Option<Controls>, now: Timestamp) -> Result<(), store::Error> {
    let Some(mut session) = tx.session(id)? else { return Ok(()) };
    session.materialized = true;
    session.updated_at = now;
    if let Some(controls) = controls {
        session.controls = controls;
    }
    tx.put_session(&session)
}

fn controls(operation: &Operation) -> Option<Controls> {
    Controls::deserialize(&operation.body["controls"]).ok()
}

#[cfg(test)]
mod tests {
    use codex_manager_model::{Actor, Generation, OperationId, Seq};
    use codex_manager_store::Config;

    use super::*;

    fn answered() -> Operation {
        Operation {
            id: OperationId::fresh(),
            kind: OperationKind::Call,
            method: "turn/start".into(),
            session: Some(SessionId::new("s")),
            approval: None,
            generation: Some(Generation::new("gen_1")),
            body: json!({}),
            state: OperationState::Answered,
            outcome: Some(json!({ "turn": { "id": "t" } })),
            actor: Actor::User,
            cause: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[tokio::test]
    async fn a_turn_that_was_accepted_by_a_child_that_is_gone_does_not_stay_open() {
        let folder = tempfile::tempdir().unwrap();
        let store = Config { folder: folder.path().to_owned(), size_bytes_max: None }.open().unwrap();
        for (alive, open) in [(false, 0), (true, 1)] {
            let applied: Result<_, store::Error> = store
                .write(move |tx| {
                    let mut operation = answered();
                    operation.session = Some(SessionId::new(if alive { "alive" } else { "dead" }));
                    apply(tx, &operation, alive, Timestamp::UNIX_EPOCH)?;
                    Ok((tx.open_turns()?.len(), tx.events(Seq(0), 9)?))
                })
                .await;
            let (turns, events) = applied.unwrap();
            assert_eq!(turns, open);
            let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
            assert_eq!(kinds, ["turn_interrupted"], "told once, for the child that is gone");
        }
    }
}
