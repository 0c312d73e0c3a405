//! What the audit keeps when there is too much of it.

use codex_manager_model::limits::{AUDIT_KEPT_MAX, AUDIT_PRUNED_EVERY, AUDIT_REFUSED_KEPT_MAX};
use codex_manager_model::{Act, Actor, Role};
use codex_manager_store::{Error, Store};
use serde_json::Map;

use crate::fixture::{at, folder, open};

const FORBIDDEN: Option<u16> = Some(403);

async fn write(store: &Store, count: u32, status: Option<u16>) {
    let act = Act {
        at: at(0),
        actor: Actor::User,
        role: Role::Viewer,
        method: "POST".into(),
        route: "/api/sessions".into(),
        targets: Map::new(),
        status,
        request_id: "req_1".into(),
    };
    let written: Result<(), Error> = store.write(move |tx| (0..count).try_for_each(|_| tx.put_act(&act))).await;
    written.unwrap();
}

/// How many were done and how many were refused, of those that are kept.
async fn kept(store: &Store) -> (usize, usize) {
    let acts: Vec<(u64, Act)> = store.read::<_, Error, _>(|view| view.acts(None, u32::MAX)).await.unwrap();
    let refused = acts.iter().filter(|(_, act)| act.status == FORBIDDEN).count();
    (acts.len() - refused, refused)
}

#[tokio::test]
async fn what_was_refused_does_not_push_out_what_was_done() {
    let folder = folder();
    let store = open(&folder);
    write(&store, 2, Some(200)).await;
    // Nobody waited for it.
    write(&store, 1, None).await;
    write(&store, AUDIT_KEPT_MAX + AUDIT_PRUNED_EVERY, FORBIDDEN).await;
    let (done, refused) = kept(&store).await;
    assert_eq!(done, 3);
    let bounds = AUDIT_REFUSED_KEPT_MAX..AUDIT_REFUSED_KEPT_MAX + AUDIT_PRUNED_EVERY;
    assert!(bounds.contains(&u32::try_from(refused).unwrap()), "{refused} that were refused");
}

#[tokio::test]
async fn of_what_was_done_the_oldest_go() {
    let folder = folder();
    let store = open(&folder);
    write(&store, 1, FORBIDDEN).await;
    write(&store, AUDIT_KEPT_MAX + AUDIT_PRUNED_EVERY, Some(404)).await;
    let (done, refused) = kept(&store).await;
    assert_eq!(refused, 1);
    let bounds = AUDIT_KEPT_MAX..AUDIT_KEPT_MAX + AUDIT_PRUNED_EVERY;
    assert!(bounds.contains(&u32::try_from(done).unwrap()), "{done} that were done");
}
