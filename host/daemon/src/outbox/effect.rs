//! What an answered operation changes in our own state, committed together with the answer.

mod sessions;

use codex_manager_model::{InteractionState, Operation, OperationKind, OperationState, Turn, TurnId, TurnStatus};
use codex_manager_store::{self as store, ExpireScope, Tx};
use jiff::Timestamp;
use serde_json::Value;

use crate::ending::{expire, interrupt};
use crate::service::interaction_resolved;

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
    let Some(id) = &operation.interaction else { return Ok(()) };
    // The child may have said already that it has it.
    tx.perform_interaction(id)?;
    match tx.interaction(id)? {
        Some(interaction) if interaction.state == InteractionState::Performed => {
            interaction_resolved(tx, &interaction, &operation.actor, operation.cause, now)
        }
        _ => Ok(()),
    }
}

/// The child that asked is gone: the decision was never sent, and is told as expired.
fn reply_void(tx: &Tx<'_>, operation: &Operation, now: Timestamp) -> Result<(), store::Error> {
    match &operation.interaction {
        Some(id) => expire(tx, ExpireScope::One(id), now),
        None => Ok(()),
    }
}

fn call_answered(tx: &Tx<'_>, operation: &Operation, alive: bool, now: Timestamp) -> Result<(), store::Error> {
    let Some(result) = &operation.outcome else { return Ok(()) };
    match operation.method.as_str() {
        "thread/start" => sessions::started(tx, operation, result, now),
        "thread/fork" => sessions::forked(tx, operation, result, now),
        "thread/archive" => sessions::moved(tx, operation, true, now),
        "thread/unarchive" => sessions::moved(tx, operation, false, now),
        "thread/revert" => sessions::reverted(tx, operation, now),
        "turn/start" => turn_started(tx, operation, result, alive, now),
        _ => Ok(()),
    }
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
    sessions::turn_accepted(tx, operation, session, now)
}

#[cfg(test)]
mod tests {
    use codex_manager_model::{Actor, Generation, OperationId, Seq, SessionId};
    use codex_manager_store::Config;
    use serde_json::json;

    use super::*;

    fn answered() -> Operation {
        Operation {
            id: OperationId::fresh(),
            kind: OperationKind::Call,
            method: "turn/start".into(),
            session: Some(SessionId::new("s")),
            interaction: None,
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
