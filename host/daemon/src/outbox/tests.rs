//! The outbox without a child: what is recorded, and who hears of it.

use std::sync::mpsc;
use std::time::Duration;

use codex_manager_app_server::{Config, Containment, Signals};
use codex_manager_store::Store;
use futures_util::FutureExt;
use tempfile::TempDir;

use super::*;

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(60);

struct Stage {
    outbox: Outbox,
    store: Store,
    _signals: Signals,
    _folder: TempDir,
}

fn stage() -> Stage {
    stage_with(|_| ())
}

/// With a word on the child, which is nowhere to be found otherwise.
fn stage_with(change: impl FnOnce(&mut Config)) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let config = store::Config { folder: folder.path().to_owned(), size_bytes_max: None };
    let store = config.open().unwrap();
    let mut child = Config::new(folder.path().join("no-codex"), folder.path());
    change(&mut child);
    let (child, signals) = child.build().unwrap();
    let outbox = Outbox::new(Storage::new(store.clone()), child, Clock::system());
    Stage { outbox, store, _signals: signals, _folder: folder }
}

#[tokio::test]
async fn what_a_client_leaves_behind_is_recorded_and_sent_or_neither() {
    let stage = stage();
    let (enter, entered) = mpsc::channel();
    let (leave, held) = mpsc::channel::<()>();
    let store = stage.store.clone();
    let busy = tokio::spawn(async move {
        let held_up = store.write(move |_| {
            enter.send(()).unwrap();
            held.recv().unwrap();
            Ok::<_, store::Error>(())
        });
        held_up.await
    });
    tokio::task::spawn_blocking(move || entered.recv()).await.unwrap().unwrap();

    let operation = stage.outbox.call("turn/start", None, json!({}), Actor::User);
    let id = operation.id.clone();
    let performed = stage.outbox.perform(operation, |_| Ok(()));
    assert!(performed.boxed().now_or_never().is_none(), "the writer is held up, and the client goes");
    leave.send(()).unwrap();
    busy.await.unwrap().unwrap();

    let woken = tokio::time::timeout(PATIENCE, stage.outbox.0.wake.notified()).await;
    assert!(woken.is_ok(), "recorded, and nobody was told to send it");
    let recorded: Result<_, store::Error> = stage.store.read(move |view| view.operation(&id)).await;
    assert_eq!(recorded.unwrap().map(|operation| operation.state), Some(OperationState::Recorded));
    assert_eq!(stage.outbox.0.waiters.count(), 0, "nobody waits any more");
}

#[tokio::test]
async fn what_could_not_be_recorded_is_waited_for_by_nobody() {
    let stage = stage();
    let operation = stage.outbox.call("turn/start", None, json!({}), Actor::User);
    let refused = Error::new(code::INVALID_STATE, "not now");
    let performed = stage.outbox.perform(operation, move |_| Err(refused)).await;
    assert_eq!(performed.unwrap_err().code.word, "invalid_state");
    assert_eq!(stage.outbox.0.waiters.count(), 0);
}

/// What is said of a reply to a child that is gone.
async fn refused_late(stage: &Stage) -> Error {
    let mut reply = stage.outbox.call("item/fileChange/requestApproval", None, json!({ "id": 0 }), Actor::User);
    reply.kind = OperationKind::Reply;
    reply.generation = Some(Generation::new("gen_gone"));
    let performed = tokio::time::timeout(PATIENCE, stage.outbox.perform(reply, |_| Ok(()))).await;
    performed.expect("an answer").unwrap_err()
}

#[tokio::test]
async fn a_reply_to_a_child_that_is_gone_is_void_and_told_to_who_waits() {
    let stage = stage();
    let stop = CancellationToken::new();
    let running = tokio::spawn(stage.outbox.clone().run(stop.clone()));
    let error = refused_late(&stage).await;
    assert_eq!((error.code.word, error.status), ("expired", "reconciled"));
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn a_reply_to_a_child_that_is_gone_is_not_for_its_successor() {
    let greets = r#"read -r line; printf '{"id":1,"result":{"userAgent":"t/0.169.0 (X)"}}\n'; cat >heard"#;
    let stage = stage_with(|config| {
        config.program = "/bin/sh".into();
        config.arguments = ["-c", greets].map(Into::into).to_vec();
        config.containment = Containment::off();
    });
    let mut state = stage.outbox.0.child.state();
    let ready = state.wait_for(|state| state.is_ready());
    tokio::time::timeout(PATIENCE, ready).await.expect("a child").unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(stage.outbox.clone().run(stop.clone()));
    assert_eq!(refused_late(&stage).await.code.word, "expired");
    stop.cancel();
    running.await.unwrap();
    stage.outbox.0.child.stop().await;
}
