//! Recovery: what an earlier life of the host left unfinished, ended before anything new begins.

use codex_manager_model::{InteractionState, Operation, OperationKind, OperationState};
use codex_manager_store::{Error, ExpireScope, Store, Tx};
use jiff::Timestamp;

use crate::ending::{bury, expire};
use crate::outbox::reply_written;

/// Ends, in one transaction, the turns, approvals and operations whose child died with the host.
///
/// What may have been written becomes unknown, calls for the next child to be asked about; calls that were only recorded
/// stay, and go to it. Replies were for the child that is gone, and their approvals with it, unless that child had said
/// that it took the reply.
pub(crate) async fn recover(store: &Store, now: Timestamp) -> Result<(), Error> {
    store
        .write(move |tx| {
            bury(tx, None, "daemon_restarted", now)?;
            for state in [OperationState::Recorded, OperationState::Sending] {
                for operation in tx.operations_in(state)? {
                    end(tx, &operation, now)?;
                }
            }
            Ok(())
        })
        .await
}

fn end(tx: &Tx<'_>, operation: &Operation, now: Timestamp) -> Result<(), Error> {
    let to = match (operation.kind, operation.state) {
        (OperationKind::Reply, OperationState::Sending) if was_taken(tx, operation)? => OperationState::Answered,
        (_, OperationState::Sending) => OperationState::Unknown,
        (OperationKind::Reply, _) => OperationState::Void,
        (OperationKind::Call, _) => return Ok(()),
    };
    tx.set_operation_state(&operation.id, &[operation.state], to, None, None, now)?;
    match &operation.interaction {
        Some(_) if to == OperationState::Answered => reply_written(tx, operation, now),
        Some(approval) => expire(tx, ExpireScope::One(approval), now),
        None => Ok(()),
    }
}

/// Whether the child said that the request was resolved before the host could note that its reply was written.
fn was_taken(tx: &Tx<'_>, reply: &Operation) -> Result<bool, Error> {
    let approval = reply.interaction.as_ref().map(|id| tx.interaction(id)).transpose()?.flatten();
    Ok(approval.is_some_and(|approval| approval.state == InteractionState::Performed))
}

#[cfg(test)]
mod tests {
    use codex_manager_model::{Actor, Decision, Generation, InteractionId, OperationId, Seq, SessionId};
    use codex_manager_store::Config;
    use serde_json::json;

    use super::super::fixture::asked;
    use super::*;

    const METHOD: &str = "item/commandExecution/requestApproval";

    fn sending(approval: &InteractionId) -> Operation {
        Operation {
            id: OperationId::fresh(),
            kind: OperationKind::Reply,
            method: METHOD.to_owned(),
            session: Some(SessionId::new("s")),
            interaction: Some(approval.clone()),
            generation: Some(Generation::new("gen_1")),
            body: json!({}),
            state: OperationState::Sending,
            outcome: None,
            actor: Actor::User,
            cause: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[tokio::test]
    async fn a_decision_that_the_child_took_is_told_as_made_and_any_other_as_expired() {
        let folder = tempfile::tempdir().unwrap();
        let store = Config { folder: folder.path().to_owned(), size_bytes_max: None }.open().unwrap();
        for taken in ["taken", "lost"] {
            let written: Result<(), Error> = store
                .write(move |tx| {
                    let approval = asked(taken, METHOD, json!({}));
                    tx.put_interaction(&approval)?;
                    let at = Timestamp::UNIX_EPOCH;
                    tx.decide_interaction(&approval.id, Decision::Decline, None, None, &Actor::User, at)?;
                    tx.record_operation(&sending(&approval.id))?;
                    if taken == "taken" {
                        tx.perform_interaction(&approval.id)?;
                    }
                    Ok(())
                })
                .await;
            written.unwrap();
        }
        recover(&store, Timestamp::UNIX_EPOCH).await.unwrap();
        let events = store.read::<_, Error, _>(|view| view.events(Seq(0), 9)).await.unwrap();
        let told: Vec<_> = events
            .iter()
            .filter(|event| event.kind == "approval_resolved")
            .map(|event| {
                let payload = event.payload.as_ref().unwrap();
                (payload["approvalId"].as_str().unwrap().to_owned(), payload["status"].as_str().unwrap().to_owned())
            })
            .collect();
        let word = |id: &str, status: &str| (id.to_owned(), status.to_owned());
        assert_eq!(told, [word("taken", "resolved"), word("lost", "expired")]);
    }
}
