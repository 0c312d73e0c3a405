//! The records of what extensions were told, wanted and got.

use codex_manager_model::limits::{
    INVOCATIONS_KEPT_BYTES_MAX, INVOCATIONS_KEPT_MAX, INVOCATIONS_PAGE_BYTES_MAX, PRUNE_INVOCATIONS_MAX,
};
use codex_manager_model::{Invocation, InvocationId, InvocationOutcome, Seq, SessionId};
use codex_manager_store::{Error, InvocationQuery, Store};
use serde_json::json;

use crate::fixture::{at, folder, invocation, open};

async fn put(store: &Store, invocations: &[Invocation]) {
    let invocations = invocations.to_vec();
    store.write(move |tx| invocations.iter().try_for_each(|one| tx.put_invocation(one))).await.unwrap();
}

async fn ids(store: &Store, extension: Option<&str>, before: Option<&InvocationId>, limit: u32) -> Vec<InvocationId> {
    let query = InvocationQuery { extension: extension.map(str::to_owned), before: before.cloned(), limit };
    let found: Result<_, Error> = store.read(move |view| view.invocations(&query)).await;
    found.unwrap().into_iter().map(|one| one.id).collect()
}

#[tokio::test]
async fn an_invocation_reads_back_as_it_was_recorded() {
    let folder = folder();
    let store = open(&folder);
    let written = Invocation {
        event: Seq(4711),
        session: Some(SessionId::new("s")),
        seed: std::array::from_fn(|n| n as u8),
        outcome: InvocationOutcome::NotEligible,
        sentence: Some("acme.other declined it".into()),
        actions: json!([{ "kind": "approval.accept" }]),
        journal: json!([["kv", "get"]]),
        log: json!(["ünï\u{0}"]),
        cpu_us: 9,
        wall_us: 10,
        memory_bytes: 65_536,
        ..invocation("acme.guard", 5)
    };
    put(&store, std::slice::from_ref(&written)).await;
    let (id, unknown) = (written.id.clone(), InvocationId::fresh());
    let found = store.read(move |view| Ok::<_, Error>((view.invocation(&id)?, view.invocation(&unknown)?)));
    assert_eq!(found.await.unwrap(), (Some(written.clone()), None));
    let twice = store.write(move |tx| tx.put_invocation(&written)).await;
    assert!(matches!(twice, Err(Error::Sqlite(_))), "{twice:?}");
}

#[tokio::test]
async fn pages_go_from_the_newest_to_the_oldest() {
    let folder = folder();
    let store = open(&folder);
    // Neither the clock nor the id says in what order they came.
    let one = |extension, seconds| invocation(extension, seconds);
    let mut all = [one("a", 9), one("b", 2), one("a", 1), one("a", 5), one("b", 4)];
    all[4].id = InvocationId::new("inv_0");
    put(&store, &all).await;
    let [a1, b1, a2, a3, b2] = all.map(|one| one.id);
    assert_eq!(ids(&store, None, None, 3).await, [&b2, &a3, &a2].map(Clone::clone));
    assert_eq!(ids(&store, None, Some(&a2), 3).await, [&b1, &a1].map(Clone::clone));
    assert_eq!(ids(&store, Some("a"), None, 2).await, [&a3, &a2].map(Clone::clone));
    assert_eq!(ids(&store, Some("a"), Some(&b2), 9).await, [&a3, &a2, &a1].map(Clone::clone));
    assert_eq!(ids(&store, Some("b"), Some(&b1), 9).await, []);
    assert_eq!(ids(&store, None, Some(&InvocationId::fresh()), 9).await, []);
}

#[tokio::test]
async fn a_page_is_bounded_in_bytes_and_has_no_journals() {
    let folder = folder();
    let store = open(&folder);
    let logged = |part: usize| json!("x".repeat(INVOCATIONS_PAGE_BYTES_MAX / part));
    let with_log = |log| Invocation { log, journal: logged(1), ..invocation("a", 0) };
    let all = [with_log(logged(4)), with_log(logged(1)), with_log(logged(2)), with_log(logged(3))];
    put(&store, &all).await;
    let [small, large, half, third] = all.map(|one| one.id);
    assert_eq!(ids(&store, Some("a"), None, 9).await, [third, half.clone()]);
    assert_eq!(ids(&store, None, Some(&half), 9).await, std::slice::from_ref(&large), "one comes in any case");
    let query = InvocationQuery { extension: None, before: Some(large), limit: 9 };
    let (listed, whole) =
        store.read::<_, Error, _>(move |view| Ok((view.invocations(&query)?, view.invocation(&small)?))).await.unwrap();
    let whole = whole.expect("it is there");
    assert_eq!(listed, [Invocation { journal: json!(null), ..whole.clone() }]);
    assert_eq!(whole.journal, logged(1));
}

#[tokio::test]
async fn one_extension_has_a_bounded_number_and_takes_none_from_others() {
    let folder = folder();
    let store = open(&folder);
    let other = invocation("other", 0);
    put(&store, std::slice::from_ref(&other)).await;
    let many: Vec<_> = (0..INVOCATIONS_KEPT_MAX + 3).map(|_| invocation("busy", 0)).collect();
    put(&store, &many).await;
    let expected: Vec<_> = many.iter().skip(3).rev().map(|one| one.id.clone()).collect();
    assert_eq!(ids(&store, Some("busy"), None, u32::MAX).await, expected);
    assert_eq!(ids(&store, Some("other"), None, u32::MAX).await, [other.id]);
}

#[tokio::test]
async fn one_extension_has_a_bounded_number_of_bytes_and_its_newest_invocation() {
    let folder = folder();
    let store = open(&folder);
    let small = [(); 2].map(|()| invocation("large", 0));
    let too_large = "x".repeat(INVOCATIONS_KEPT_BYTES_MAX as usize);
    let large = Invocation { journal: json!(too_large), ..invocation("large", 0) };
    put(&store, &[small[0].clone(), large.clone()]).await;
    assert_eq!(ids(&store, Some("large"), None, 9).await, [large.id]);
    put(&store, std::slice::from_ref(&small[1])).await;
    assert_eq!(ids(&store, Some("large"), None, 9).await, [small[1].id.clone()]);
}

#[tokio::test]
async fn the_old_are_forgotten_a_bounded_number_a_call() {
    let folder = folder();
    let store = open(&folder);
    let mut all: Vec<_> = (0..=PRUNE_INVOCATIONS_MAX).map(|n| invocation(&format!("e{}", n % 3), 4)).collect();
    let young = invocation("e0", 5);
    all.insert(7, young.clone());
    put(&store, &all).await;
    let prune = || store.write(|tx| tx.prune_invocations(at(5)));
    assert_eq!(prune().await.unwrap(), u64::from(PRUNE_INVOCATIONS_MAX));
    assert_eq!(prune().await.unwrap(), 1);
    assert_eq!(prune().await.unwrap(), 0);
    assert_eq!(ids(&store, None, None, u32::MAX).await, [young.id]);
}
