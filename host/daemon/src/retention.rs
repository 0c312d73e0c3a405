//! Keeping what is stored within its bounds, a little at a time.

use std::time::Duration;

use codex_manager_model::Clock;
use codex_manager_model::limits::REQUEST_KEY_KEPT;
use codex_manager_store::{Error, Retention, Store};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

/// How long to wait between two looks.
const INTERVAL: Duration = Duration::from_secs(60);

/// How much of the log is kept when nobody says otherwise.
pub(crate) const KEPT: Retention = Retention {
    age_max: Duration::from_secs(30 * 24 * 3600),
    bytes_max: 1024 * 1024 * 1024,
    held_bytes_max: 2 * 1024 * 1024 * 1024,
};

/// How long a settled operation is kept. A client whose request ended in a 504 may come days later to ask what became
/// of it; but operations hold messages, which should not be kept for ever.
const OPERATIONS_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long the record of an invocation is kept, and the key of an action that is to be done once.
const INVOCATIONS_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Prunes the log, the outbox, what was asked and what is kept of invocations, now and every minute, until told to stop.
pub(crate) async fn run(store: Store, retention: Retention, clock: Clock, stop: CancellationToken) {
    let looks = async {
        loop {
            if let Err(error) = look(&store, retention, clock.now()).await {
                tracing::warn!(%error, "what need not be kept was not all removed");
            }
            tokio::time::sleep(INTERVAL).await;
        }
    };
    stop.run_until_cancelled(looks).await;
}

/// Removes all that need not be kept, in steps between which others write.
async fn look(store: &Store, retention: Retention, now: Timestamp) -> Result<(), Error> {
    while store.write(move |tx| tx.prune_events(&retention, now)).await?.more {}
    let settled_before = now.checked_sub(OPERATIONS_KEPT).unwrap_or(Timestamp::MIN);
    while store.write(move |tx| tx.prune_operations(settled_before)).await? > 0 {}
    let over_before = now.checked_sub(retention.age_max).unwrap_or(Timestamp::MIN);
    while store.write(move |tx| tx.prune_interactions(over_before)).await? > 0 {}
    let done_before = now.checked_sub(INVOCATIONS_KEPT).unwrap_or(Timestamp::MIN);
    while store.write(move |tx| tx.prune_invocations(done_before)).await? > 0 {}
    while store.write(move |tx| tx.prune_action_keys(done_before)).await? > 0 {}
    let begun_before = now.checked_sub(REQUEST_KEY_KEPT).unwrap_or(Timestamp::MIN);
    while store.write(move |tx| tx.prune_request_keys(begun_before)).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use codex_manager_model::OperationState::Answered;
    use codex_manager_model::limits::{PRUNE_ACTION_KEYS_MAX, PRUNE_EVENTS_MAX, PRUNE_OPERATIONS_MAX};
    use codex_manager_model::{
        Actor, Interaction, InteractionId, InteractionState, Invocation, InvocationId, InvocationOutcome, NewEvent,
        Operation, OperationId, OperationKind, Seq,
    };
    use codex_manager_store::{Config, InvocationQuery};
    use serde_json::json;

    use super::*;
    use crate::intake::fixture::asked;

    fn answered(at: Timestamp) -> Operation {
        Operation {
            id: OperationId::fresh(),
            kind: OperationKind::Call,
            method: "turn/start".to_owned(),
            session: None,
            interaction: None,
            generation: None,
            body: json!({}),
            state: Answered,
            outcome: None,
            actor: Actor::User,
            cause: None,
            created_at: at,
            updated_at: at,
        }
    }

    fn invocation(at: Timestamp) -> Invocation {
        Invocation {
            id: InvocationId::fresh(),
            extension: "acme.guard".to_owned(),
            version: "1.0.0".to_owned(),
            digest: "sha256:0".to_owned(),
            handler: "on-event".to_owned(),
            event: Seq(1),
            session: None,
            at,
            seed: [0; 32],
            outcome: InvocationOutcome::Abstained,
            sentence: None,
            actions: json!([]),
            // As a list shows it.
            journal: json!(null),
            log: json!([]),
            cpu_us: 0,
            wall_us: 0,
            memory_bytes: 0,
        }
    }

    #[tokio::test]
    async fn one_look_removes_more_than_one_step_does_and_nothing_that_is_young() {
        let folder = tempfile::tempdir().unwrap();
        let store = Config { folder: folder.path().to_owned(), size_bytes_max: None }.open().unwrap();
        let old = Timestamp::UNIX_EPOCH;
        let now = old + KEPT.age_max + Duration::from_secs(1);
        let young = answered(now - OPERATIONS_KEPT);
        let kept = young.id.clone();
        let waits = asked("apr_waits", "item/fileChange/requestApproval", json!({}));
        let over = |id, at| {
            let state = InteractionState::Performed;
            Interaction { id: InteractionId::new(id), state, resolved_at: Some(at), ..waits.clone() }
        };
        let put = [over("apr_old", old), over("apr_young", now - KEPT.age_max), waits.clone()];
        let mut all: Vec<_> = (0..=PRUNE_OPERATIONS_MAX).map(|_| answered(old)).collect();
        all.push(young);
        let write = store.write(move |tx| {
            for at in std::iter::repeat_n(old, PRUNE_EVENTS_MAX as usize + 1).chain([now]) {
                tx.append_event(NewEvent::new("note", None, json!(null), at))?;
            }
            put.iter().try_for_each(|asked| tx.put_interaction(asked))?;
            all.iter().try_for_each(|operation| tx.record_operation(operation))
        });
        write.await.unwrap();

        look(&store, KEPT, now).await.unwrap();
        let ids = ["apr_old", "apr_young", "apr_waits"].map(InteractionId::new);
        let left = store.read(move |view| {
            let asked = ids.iter().map(|id| Ok(view.interaction(id)?.is_some())).collect::<Result<Vec<_>, Error>>()?;
            Ok::<_, Error>((view.events(Seq(0), 9)?, view.operations_in(Answered)?, asked))
        });
        let (events, operations, asked) = left.await.unwrap();
        assert_eq!(asked, [false, true, true]);
        assert_eq!(events.into_iter().map(|event| event.at).collect::<Vec<_>>(), [now]);
        assert_eq!(operations.into_iter().map(|operation| operation.id).collect::<Vec<_>>(), [kept]);
    }

    #[tokio::test]
    async fn invocations_and_keys_of_actions_are_forgotten_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = Config { folder: folder.path().to_owned(), size_bytes_max: None }.open().unwrap();
        let old = Timestamp::UNIX_EPOCH;
        let now = old + INVOCATIONS_KEPT + Duration::from_secs(1);
        let young = invocation(now - INVOCATIONS_KEPT);
        let kept = young.clone();
        let write = store.write(move |tx| {
            tx.put_invocation(&invocation(old))?;
            tx.put_invocation(&young)?;
            tx.take_action_key("acme.guard", "young", young.at)?;
            (0..=PRUNE_ACTION_KEYS_MAX)
                .try_for_each(|n| tx.take_action_key("acme.guard", &n.to_string(), old).map(drop))
        });
        write.await.unwrap();

        look(&store, KEPT, now).await.unwrap();
        let left = store.write(move |tx| {
            let all = tx.invocations(&InvocationQuery { extension: None, before: None, limit: 9 })?;
            let again = ["young", "0", "1000"].map(|key| tx.take_action_key("acme.guard", key, now));
            Ok::<_, Error>((all, again.into_iter().collect::<Result<Vec<_>, _>>()?))
        });
        assert_eq!(left.await.unwrap(), (vec![kept], vec![false, true, true]));
    }
}
