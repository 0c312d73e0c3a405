//! Approvals move forward only.

use codex_manager_model::{
    Actor, Approval, ApprovalId, ApprovalState, Decision, DecisionScope, Generation, SessionId, TurnId,
};
use codex_manager_store::{ApprovalQuery, Error, ExpireScope, Store, Tx};
use serde_json::json;

use crate::fixture::{Held, approval, at, folder, open};

async fn put(store: &Store, approvals: &[Approval]) {
    let approvals = approvals.to_vec();
    let written = store.write(move |tx| approvals.iter().try_for_each(|approval| tx.put_approval(approval)));
    written.await.unwrap();
}

async fn get(store: &Store, id: &ApprovalId) -> Approval {
    let id = id.clone();
    let found = store.read(move |view| view.approval(&id)).await;
    found.unwrap().unwrap()
}

fn decide(tx: &Tx<'_>, id: &ApprovalId, decision: Decision) -> Result<bool, Error> {
    tx.decide_approval(id, decision, DecisionScope::Session, &Actor::User, at(1))
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
    let decided = Approval {
        state: ApprovalState::Decided,
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
                tx.perform_approval(id)?,
                decide(tx, id, Decision::Accept)?,
                tx.perform_approval(id)?,
                tx.perform_approval(id)?,
                decide(tx, id, Decision::Decline)?,
                !tx.expire_approvals(ExpireScope::One(id), at(2))?.is_empty(),
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
    let again = store.write(move |tx| tx.put_approval(&one)).await;
    assert!(matches!(again, Err(Error::Sqlite(_))), "{again:?}");
}

#[tokio::test]
async fn each_scope_expires_its_own_and_what_is_decided_only_by_name() {
    type Expire = fn(&Tx<'_>, &[ApprovalId; 5]) -> Result<Vec<Approval>, Error>;
    // 0: decided. 1: another session. 2: another child. 3: performed. 4: another turn.
    let cases: [(Expire, &[usize]); 6] = [
        (|tx, _| tx.expire_approvals(ExpireScope::Generation(&Generation::new("gen_1")), at(9)), &[1, 4]),
        (|tx, _| tx.expire_approvals(ExpireScope::Turn(&SessionId::new("a"), &TurnId::new("turn")), at(9)), &[2]),
        (|tx, _| tx.expire_approvals(ExpireScope::All, at(9)), &[1, 2, 4]),
        (|tx, ids| tx.expire_approvals(ExpireScope::One(&ids[0]), at(9)), &[0]),
        (|tx, ids| tx.expire_approvals(ExpireScope::One(&ids[1]), at(9)), &[1]),
        (|tx, ids| tx.expire_approvals(ExpireScope::One(&ids[3]), at(9)), &[]),
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
                    tx.perform_approval(&ids[3])?;
                    let before = tx.approvals(&ApprovalQuery { session: None, state: None, limit: 9 })?;
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
                assert_eq!(after, Approval { state: ApprovalState::Expired, resolved_at, ..before });
                assert!(expired.contains(&after), "told as it is now");
            } else {
                assert_eq!(after, before);
            }
        }
    }
}

#[tokio::test]
async fn they_are_found_by_state_by_session_and_by_the_childs_request() {
    let folder = folder();
    let store = open(&folder);
    let mut three = [approval("a", "gen_1", 0), approval("b", "gen_1", 1), approval("a", "gen_2", 0)];
    three[0].created_at = at(7);
    three[2].request_id = json!("0");
    put(&store, &three).await;
    let ids = three.map(|approval| approval.id);
    let query =
        |session: Option<&str>, state, limit| ApprovalQuery { session: session.map(SessionId::new), state, limit };
    let cases = [
        (query(None, None, 9), vec![1, 2, 0]),
        (query(None, None, 2), vec![1, 2]),
        (query(Some("a"), None, 9), vec![2, 0]),
        (query(Some("a"), Some(ApprovalState::Pending), 9), vec![2, 0]),
        (query(None, Some(ApprovalState::Decided), 9), vec![]),
    ];
    for (query, places) in cases {
        let found = store.read(move |view| view.approvals(&query)).await.unwrap();
        let expected: Vec<_> = places.into_iter().map(|place: usize| ids[place].clone()).collect();
        assert_eq!(found.into_iter().map(|approval| approval.id).collect::<Vec<_>>(), expected);
    }
    let by_request = store
        .read(|view| {
            let find = |generation: &str, id| {
                Ok::<_, Error>(view.approval_by_request(&Generation::new(generation), &id)?.map(|found| found.id))
            };
            Ok::<_, Error>([find("gen_1", json!(0))?, find("gen_2", json!("0"))?, find("gen_2", json!(0))?])
        })
        .await
        .unwrap();
    assert_eq!(by_request, [Some(ids[0].clone()), Some(ids[2].clone()), None]);
}
