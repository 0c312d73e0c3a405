//! Interactions move forward only.

use codex_manager_model::limits::PRUNE_INTERACTIONS_MAX;
use codex_manager_model::{
    Actor, Decision, DecisionScope, Generation, Interaction, InteractionId, InteractionKind, InteractionState,
    Operation, OperationKind, OperationState, SessionId, TurnId,
};
use codex_manager_store::{Error, ExpireScope, InteractionQuery, Store, Tx};
use serde_json::json;

use crate::fixture::{Held, approval, at, folder, open, operation};

/// All there are.
const EVERY: InteractionQuery =
    InteractionQuery { kind: None, session: None, state: None, newest_first: false, after: None, limit: 9 };

async fn put(store: &Store, approvals: &[Interaction]) {
    let approvals = approvals.to_vec();
    let written = store.write(move |tx| approvals.iter().try_for_each(|approval| tx.put_interaction(approval)));
    written.await.unwrap();
}

async fn get(store: &Store, id: &InteractionId) -> Interaction {
    let id = id.clone();
    let found = store.read(move |view| view.interaction(&id)).await;
    found.unwrap().unwrap()
}

fn decide(tx: &Tx<'_>, id: &InteractionId, decision: Decision) -> Result<bool, Error> {
    tx.decide_interaction(id, decision, Some(DecisionScope::Session), None, &Actor::User, at(1))
}

#[tokio::test]
async fn of_two_decisions_at_once_one_counts() {
    let folder = folder();
    let store = open(&folder);
    let pending = approval("s", "gen_1", 0);
    put(&store, std::slice::from_ref(&pending)).await;
    let held = Held::enter(&store).await;
    let deciders = [Decision::Accept, Decision::Decline].map(|decision| {
        let (store, id) = (store.clone(), pending.id.clone());
        tokio::spawn(async move { store.write(move |tx| decide(tx, &id, decision)).await.unwrap() })
    });
    held.leave(&store, 2).await;
    let [accepted, declined] = deciders;
    let (accepted, declined) = (accepted.await.unwrap(), declined.await.unwrap());
    assert!(accepted ^ declined);
    let decision = if accepted { Decision::Accept } else { Decision::Decline };
    let decided = Interaction {
        state: InteractionState::Decided,
        decision: Some(decision),
        scope: Some(DecisionScope::Session),
        decided_by: Some(Actor::User),
        resolved_at: Some(at(1)),
        ..pending.clone()
    };
    assert_eq!(get(&store, &pending.id).await, decided);
}

#[tokio::test]
async fn no_step_goes_back() {
    let folder = folder();
    let store = open(&folder);
    let pending = approval("s", "gen_1", 0);
    put(&store, std::slice::from_ref(&pending)).await;
    let steps = store
        .write(move |tx| {
            let id = &pending.id;
            Ok::<_, Error>([
                tx.perform_interaction(id)?,
                decide(tx, id, Decision::Accept)?,
                tx.perform_interaction(id)?,
                tx.perform_interaction(id)?,
                decide(tx, id, Decision::Decline)?,
                !tx.expire_interactions(ExpireScope::One(id), at(2))?.is_empty(),
            ])
        })
        .await
        .unwrap();
    assert_eq!(steps, [false, true, true, false, false, false]);
}

#[tokio::test]
async fn an_id_is_used_once() {
    let folder = folder();
    let store = open(&folder);
    let one = approval("s", "gen_1", 0);
    put(&store, std::slice::from_ref(&one)).await;
    let again = store.write(move |tx| tx.put_interaction(&one)).await;
    assert!(matches!(again, Err(Error::Sqlite(_))), "{again:?}");
}

#[tokio::test]
async fn each_scope_expires_its_own_and_what_is_decided_only_by_name() {
    type Expire = fn(&Tx<'_>, &[InteractionId; 5]) -> Result<Vec<Interaction>, Error>;
    // 0: decided. 1: another session. 2: another child. 3: performed. 4: another turn.
    let cases: [(Expire, &[usize]); 7] = [
        (|tx, _| tx.expire_interactions(ExpireScope::Generation(&Generation::new("gen_1")), at(9)), &[1, 4]),
        (|tx, _| tx.expire_interactions(ExpireScope::Turn(&SessionId::new("a"), &TurnId::new("turn")), at(9)), &[2]),
        (|tx, _| tx.expire_interactions(ExpireScope::Session(&SessionId::new("a")), at(9)), &[0, 2, 4]),
        (|tx, _| tx.expire_interactions(ExpireScope::All, at(9)), &[1, 2, 4]),
        (|tx, ids| tx.expire_interactions(ExpireScope::One(&ids[0]), at(9)), &[0]),
        (|tx, ids| tx.expire_interactions(ExpireScope::One(&ids[1]), at(9)), &[1]),
        (|tx, ids| tx.expire_interactions(ExpireScope::One(&ids[3]), at(9)), &[]),
    ];
    for (expire, expected) in cases {
        let folder = folder();
        let store = open(&folder);
        let mut five = [("a", "gen_1"), ("b", "gen_1"), ("a", "gen_2"), ("a", "gen_1"), ("a", "gen_1")]
            .map(|(session, generation)| approval(session, generation, 0));
        five[4].turn = Some(TurnId::new("other"));
        put(&store, &five).await;
        let ids = five.map(|approval| approval.id);
        let (before, expired) = store
            .write({
                let ids = ids.clone();
                move |tx| {
                    decide(tx, &ids[0], Decision::Accept)?;
                    decide(tx, &ids[3], Decision::Accept)?;
                    tx.perform_interaction(&ids[3])?;
                    let before = tx.interactions(&EVERY)?;
                    Ok::<_, Error>((before, expire(tx, &ids)?))
                }
            })
            .await
            .unwrap();
        let places: Vec<_> = expired.iter().map(|gone| ids.iter().position(|id| *id == gone.id).unwrap()).collect();
        assert_eq!(places, expected);
        for (place, before) in before.into_iter().enumerate() {
            let after = get(&store, &ids[place]).await;
            if expected.contains(&place) {
                let left_pending = if place == 0 { at(1) } else { at(9) };
                let resolved_at = Some(left_pending);
                assert_eq!(after, Interaction { state: InteractionState::Expired, resolved_at, ..before });
                assert!(expired.contains(&after), "told as it is now");
            } else {
                assert_eq!(after, before);
            }
        }
    }
}

#[tokio::test]
async fn they_are_found_by_kind_by_state_by_session_and_by_the_childs_request() {
    let folder = folder();
    let store = open(&folder);
    let mut three = [approval("a", "gen_1", 0), approval("b", "gen_1", 1), approval("a", "gen_2", 0)];
    three[1].kind = InteractionKind::ToolCall;
    three[2].request_id = json!("0");
    put(&store, &three).await;
    let ids = three.map(|approval| approval.id);
    let (a, pending) = (Some(SessionId::new("a")), Some(InteractionState::Pending));
    let after = |place: usize| Some(ids[place].clone());
    let cases = [
        (EVERY, vec![0, 1, 2]),
        (InteractionQuery { limit: 2, ..EVERY }, vec![0, 1]),
        (InteractionQuery { limit: 2, newest_first: true, ..EVERY }, vec![2, 1]),
        (InteractionQuery { after: after(0), ..EVERY }, vec![1, 2]),
        (InteractionQuery { after: after(1), newest_first: true, ..EVERY }, vec![0]),
        (InteractionQuery { after: Some(InteractionId::new("apr_unknown")), ..EVERY }, vec![]),
        (InteractionQuery { kind: Some(InteractionKind::ToolCall), ..EVERY }, vec![1]),
        (InteractionQuery { session: a.clone(), ..EVERY }, vec![0, 2]),
        (InteractionQuery { session: a, state: pending, ..EVERY }, vec![0, 2]),
        (InteractionQuery { state: Some(InteractionState::Decided), ..EVERY }, vec![]),
    ];
    for (query, places) in cases {
        let asked = query.clone();
        let found = store.read(move |view| view.interactions(&asked)).await.unwrap();
        let expected: Vec<_> = places.into_iter().map(|place: usize| ids[place].clone()).collect();
        assert_eq!(found.into_iter().map(|found| found.id).collect::<Vec<_>>(), expected, "{query:?}");
    }
    let by_request = store
        .read(|view| {
            let find = |generation: &str, id| {
                Ok::<_, Error>(view.interaction_by_request(&Generation::new(generation), &id)?.map(|found| found.id))
            };
            Ok::<_, Error>([find("gen_1", json!(0))?, find("gen_2", json!("0"))?, find("gen_2", json!(0))?])
        })
        .await
        .unwrap();
    assert_eq!(by_request, [Some(ids[0].clone()), Some(ids[2].clone()), None]);
}

#[tokio::test]
async fn what_is_over_is_forgotten_in_time_and_what_waits_or_has_a_reply_in_the_outbox_is_not() {
    use InteractionState::{Decided, Expired, Pending, Performed};
    let folder = folder();
    let store = open(&folder);
    let over = |state, seconds| Interaction { state, resolved_at: Some(at(seconds)), ..approval("s", "gen_1", 0) };
    let many = (0..PRUNE_INTERACTIONS_MAX).map(|_| over(Expired, 4)).collect::<Vec<_>>();
    let others = [
        over(Performed, 4),
        over(Performed, 5),
        over(Decided, 4),
        Interaction { state: Pending, created_at: at(-9), ..approval("s", "gen_1", 0) },
        over(Performed, 4),
    ];
    put(&store, &many).await;
    put(&store, &others).await;
    let reply = Operation {
        interaction: Some(others[4].id.clone()),
        state: OperationState::Answered,
        updated_at: at(4),
        ..operation(OperationKind::Reply, Some("gen_1"))
    };
    let removed: Result<_, Error> = store
        .write(move |tx| {
            tx.record_operation(&reply)?;
            let removed = [tx.prune_interactions(at(5))?, tx.prune_interactions(at(5))?, tx.prune_interactions(at(5))?];
            let left = tx.interactions(&EVERY)?;
            tx.prune_operations(at(5))?;
            Ok((removed, left, tx.prune_interactions(at(5))?))
        })
        .await;
    let (removed, left, at_last) = removed.unwrap();
    assert_eq!((removed, at_last), ([u64::from(PRUNE_INTERACTIONS_MAX), 1, 0], 1));
    assert_eq!(left, others[1..]);
}
