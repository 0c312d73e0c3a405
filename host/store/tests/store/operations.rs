//! The outbox.

use codex_manager_model::limits::PRUNE_OPERATIONS_MAX;
use codex_manager_model::{
    Actor, Cause, Generation, InteractionId, InteractionKind, Operation, OperationId, OperationKind, OperationState,
    Seq, SessionId,
};
use codex_manager_store::{Error, Store};
use serde_json::json;

use crate::fixture::{Held, at, folder, open, operation};

async fn record(store: &Store, operations: &[Operation]) {
    let operations = operations.to_vec();
    let written = store.write(move |tx| operations.iter().try_for_each(|operation| tx.record_operation(operation)));
    written.await.unwrap();
}

async fn find(store: &Store, id: &OperationId) -> Option<Operation> {
    let id = id.clone();
    store.read(move |view| view.operation(&id)).await.unwrap()
}

async fn get(store: &Store, id: &OperationId) -> Operation {
    find(store, id).await.unwrap()
}

#[tokio::test]
async fn of_two_that_would_send_it_one_may() {
    let folder = folder();
    let store = open(&folder);
    let call = operation(OperationKind::Call, None);
    record(&store, std::slice::from_ref(&call)).await;
    let held = Held::enter(&store).await;
    let senders = ["gen_1", "gen_2"].map(|generation| {
        let (store, id) = (store.clone(), call.id.clone());
        tokio::spawn(async move {
            let generation = Generation::new(generation);
            let (from, to) = ([OperationState::Recorded], OperationState::Sending);
            store.write(move |tx| tx.set_operation_state(&id, &from, to, Some(&generation), None, at(1))).await
        })
    });
    held.leave(&store, 2).await;
    let [first, second] = senders;
    let (first, second): (Result<bool, Error>, _) = (first.await.unwrap(), second.await.unwrap());
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(first ^ second);
    let sent = Operation {
        state: OperationState::Sending,
        generation: Some(Generation::new(if first { "gen_1" } else { "gen_2" })),
        updated_at: at(1),
        ..call.clone()
    };
    assert_eq!(get(&store, &call.id).await, sent);
}

#[tokio::test]
async fn what_an_extension_wants_done_is_recorded_with_who_and_because_of_what() {
    let folder = folder();
    let store = open(&folder);
    let wanted = Operation {
        actor: Actor::Extension("acme.guard".into()),
        cause: Some(Cause { seq: Seq(4711), hops: 3 }),
        ..operation(OperationKind::Call, None)
    };
    record(&store, std::slice::from_ref(&wanted)).await;
    assert_eq!(get(&store, &wanted.id).await, wanted);
}

#[tokio::test]
async fn an_outcome_is_kept_until_there_is_another() {
    let folder = folder();
    let store = open(&folder);
    let call = operation(OperationKind::Call, Some("gen_1"));
    record(&store, std::slice::from_ref(&call)).await;
    let id = call.id.clone();
    let moved = store
        .write(move |tx| {
            use OperationState::{Answered, Failed, Recorded, Sending, Unknown};
            Ok::<_, Error>([
                tx.set_operation_state(&id, &[Recorded], Unknown, None, Some(&json!({ "turn": 1 })), at(1))?,
                tx.set_operation_state(&id, &[Recorded, Sending], Failed, None, Some(&json!("wrong")), at(2))?,
                tx.set_operation_state(&id, &[Sending, Unknown], Answered, None, None, at(3))?,
            ])
        })
        .await
        .unwrap();
    assert_eq!(moved, [true, false, true]);
    let kept = get(&store, &call.id).await;
    assert_eq!(
        (kept.state, kept.outcome, kept.generation),
        (OperationState::Answered, Some(json!({ "turn": 1 })), call.generation)
    );
}

fn call_of(session: Option<&str>, state: OperationState) -> Operation {
    Operation { session: session.map(SessionId::new), state, ..operation(OperationKind::Call, None) }
}

async fn due(store: &Store, limit: u32) -> Vec<OperationId> {
    let due: Result<_, Error> = store.read(move |view| view.due_operations(limit)).await;
    due.unwrap().into_iter().map(|operation| operation.id).collect()
}

#[tokio::test]
async fn they_go_out_in_the_order_they_were_recorded() {
    let folder = folder();
    let store = open(&folder);
    let mut three = [0, 1, 2].map(|_| call_of(None, OperationState::Recorded));
    // Neither the clock nor the id says in what order they came.
    three[0].created_at = at(9);
    three[2].id = OperationId::new("op_0");
    record(&store, &three).await;
    record(&store, &[call_of(None, OperationState::Sending)]).await;
    assert_eq!(due(&store, 2).await, [three[0].id.clone(), three[1].id.clone()]);
    let all: Result<_, Error> = store.read(|view| view.operations_in(OperationState::Recorded)).await;
    assert_eq!(all.unwrap(), three);
}

#[tokio::test]
async fn calls_of_a_session_wait_for_each_other_and_hold_up_nobody_else() {
    use OperationState::{Answered, Recorded, Sending, Unknown};
    let folder = folder();
    let store = open(&folder);
    let calls = [
        (Some("busy"), Sending),
        (Some("busy"), Recorded),
        (Some("full"), Answered),
        (Some("full"), Unknown),
        (Some("full"), Recorded),
        (Some("full"), Recorded),
        (Some("other"), Recorded),
        (None, Sending),
        (None, Recorded),
    ];
    let calls = calls.map(|(session, state)| call_of(session, state));
    let reply = Operation { session: Some(SessionId::new("busy")), ..operation(OperationKind::Reply, Some("gen_1")) };
    record(&store, &calls).await;
    record(&store, std::slice::from_ref(&reply)).await;
    assert_eq!(due(&store, 9).await, [&reply, &calls[4], &calls[6], &calls[8]].map(|operation| operation.id.clone()));
    assert_eq!(due(&store, 1).await, [reply.id], "no number of calls crowds out a reply");
}

#[tokio::test]
async fn what_is_open_of_a_session_is_found_and_the_call_that_is_on_its_way_first() {
    use OperationState::{Answered, Recorded, Sending, Unknown};
    let folder = folder();
    let store = open(&folder);
    let named = |method: &str, session, state| Operation { method: method.into(), ..call_of(Some(session), state) };
    let calls = [
        named("turn/start", "a", Answered),
        named("turn/start", "a", Unknown),
        named("turn/start", "a", Recorded),
        named("thread/fork", "a", Recorded),
        named("turn/start", "a", Sending),
        named("turn/start", "b", Recorded),
        Operation { kind: OperationKind::Reply, ..named("thread/fork", "b", Sending) },
    ];
    record(&store, &calls).await;
    let a = SessionId::new("a");
    let open = store.read(move |view| view.open_operations_of(&a)).await;
    assert_eq!(open.unwrap(), calls[1..5]);
    for (methods, session, expected) in [
        (&["turn/start"][..], Some("a"), Some(4)),
        (&["thread/fork", "thread/start"], Some("a"), Some(3)),
        (&["turn/start"], Some("b"), Some(5)),
        (&["turn/start"], None, Some(4)),
        (&["thread/fork"], Some("b"), None),
        (&["thread/start"], None, None),
    ] {
        let session = session.map(SessionId::new);
        let found = store.read(move |view| view.call_under_way(methods, session.as_ref())).await.unwrap();
        assert_eq!(found, expected.map(|place: usize| calls[place].clone()), "{methods:?}");
    }
}

#[tokio::test]
async fn what_is_settled_is_forgotten_in_time_and_what_is_open_never() {
    use OperationState::{Answered, Failed, Recorded, Sending, Unknown, Void};
    let folder = folder();
    let store = open(&folder);
    let states = [Recorded, Sending, Answered, Failed, Unknown, Void];
    let of = |seconds| {
        states.map(|state| Operation { state, updated_at: at(seconds), ..operation(OperationKind::Call, None) })
    };
    let (old, young) = (of(4), of(5));
    record(&store, &old).await;
    record(&store, &young).await;
    let removed: Result<_, Error> =
        store.write(|tx| Ok([tx.prune_operations(at(5))?, tx.prune_operations(at(5))?])).await;
    assert_eq!(removed.unwrap(), [3, 0]);
    for (old, young) in old.iter().zip(&young) {
        let kept = Some(old.clone()).filter(|old| !old.state.is_settled());
        assert_eq!(find(&store, &old.id).await, kept);
        assert_eq!(get(&store, &young.id).await, *young);
    }
}

#[tokio::test]
async fn one_call_forgets_a_bounded_number() {
    let folder = folder();
    let store = open(&folder);
    let state = OperationState::Answered;
    let many: Vec<_> =
        (0..=PRUNE_OPERATIONS_MAX).map(|_| Operation { state, ..operation(OperationKind::Call, None) }).collect();
    record(&store, &many).await;
    let prune = || store.write(|tx| tx.prune_operations(at(1)));
    assert_eq!(prune().await.unwrap(), u64::from(PRUNE_OPERATIONS_MAX));
    assert_eq!(prune().await.unwrap(), 1);
    assert_eq!(store.read(move |view| view.operations_in(state)).await.unwrap(), []);
}

#[tokio::test]
async fn a_reply_to_an_approval_that_never_was_is_refused() {
    let folder = folder();
    let store = open(&folder);
    let reply = Operation {
        interaction: Some(InteractionId::fresh(InteractionKind::Approval)),
        ..operation(OperationKind::Reply, Some("gen_1"))
    };
    let refused = store.write(move |tx| tx.record_operation(&reply)).await;
    assert!(matches!(refused, Err(Error::Sqlite(_))), "{refused:?}");
}
