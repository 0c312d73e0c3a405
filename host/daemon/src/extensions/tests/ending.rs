//! Calls that end otherwise than by being done.

use std::path::PathBuf;
use std::time::Duration;

use codex_manager_extension::Standing;
use codex_manager_extension::dispatch::Quarantine;
use codex_manager_model::{Invocation, limits};
use jiff::Timestamp;

use super::super::host::write_quarantine;
use super::*;

#[tokio::test]
async fn what_a_person_has_decided_is_not_asked_of_anybody() {
    let stage = Stage::new().await;
    stage.approve("a.guard", &[ASKS], &asking(&[DECLINE]));
    stage.run().await.stop().await;
    stage.ask("apr_1").await;
    stage
        .put(|tx| {
            let id = codex_manager_model::InteractionId::new("apr_1");
            tx.decide_interaction(&id, Decision::Accept, None, None, &Actor::User, Timestamp::UNIX_EPOCH)
        })
        .await;
    let running = stage.run().await;
    let invocation = stage.invocations(1).await.remove(0);
    assert_eq!(invocation.outcome, InvocationOutcome::Expired);
    assert_eq!((invocation.wall_us, invocation.version.as_str()), (0, "1.2.3"), "it was never called");
    assert_eq!(stage.events(&["extension_invoked"]).await, [], "nothing has happened");
    assert_eq!(stage.approval("apr_1").await.decided_by, Some(Actor::User));
    running.stop().await;
}

#[tokio::test]
async fn an_event_that_three_lives_did_not_outlive_is_failed_and_not_told_again() {
    let stage = Stage::new().await;
    stage.approve("a.bad", &[TURN], &asking(&[]));
    stage.run().await.stop().await;
    let (fatal, harmless) = (stage.tell(TURN, "s").await, stage.tell(TURN, "s").await);
    let lines = format!("+ {fatal} a.bad\n").repeat(3) + &format!("+ {harmless} a.bad\n").repeat(2);
    std::fs::write(stage.begun(), lines).expect("it is ours");
    let running = stage.run().await;
    let invocations = stage.invocations(2).await;
    let of = |seq| invocations.iter().find(|invocation| invocation.event == seq).expect("it was recorded");
    assert_eq!(of(fatal).outcome, InvocationOutcome::Failed);
    let sentence = of(fatal).sentence.as_ref().expect("it says why");
    assert!(sentence.contains("the host ended 3 times"), "{sentence}");
    assert_eq!(of(harmless).outcome, InvocationOutcome::Abstained, "it had one more try");
    running.stop().await;
    assert_eq!(std::fs::read_to_string(stage.begun()).expect("it is there"), "", "nothing is left of it");
}

#[tokio::test]
async fn one_that_fails_again_and_again_is_quarantined_for_good_and_the_rest_goes_on() {
    let stage = Stage::new().await;
    stage.approve("a.bad", &[TURN], &trapping());
    stage.approve("b.good", &[TURN], &asking(&[]));
    let running = stage.run().await;
    let last = stage.tell_times(limits::EXTENSION_FAILURES_MAX + 1).await.pop();
    stage
        .until("it is quarantined", async || {
            let bad = stage
                .shelf
                .list()
                .into_iter()
                .find(|listed| listed.id.as_ref().is_some_and(|id| id.as_str() == "a.bad"));
            let approved = bad.and_then(|listed| listed.approved).expect("it was approved");
            matches!(approved.standing, Standing::Quarantined { .. })
        })
        .await;
    let is_last = |one: &Invocation| one.extension == "b.good" && Some(one.event) == last;
    stage.until("the other has heard all", async || stage.invocations(0).await.iter().any(is_last)).await;
    let invocations = stage.invocations(0).await;
    assert_eq!(outcomes(&invocations)["failed"], limits::EXTENSION_FAILURES_MAX);
    let failed = invocations.iter().find(|one| one.extension == "a.bad").expect("it was recorded");
    assert!(failed.sentence.as_ref().is_some_and(|why| why.contains("a.bad trapped")), "{:?}", failed.sentence);
    running.stop().await;
    let told = stage.events(&["extension_quarantined"]).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].payload.as_ref().expect("it says")["extensionId"], "a.bad");
}

/// From now on no lock can be written, until this folder is gone: the next lock is written where it lies.
fn refuse(stage: &Stage) -> PathBuf {
    let next = stage.folder.path().join("data/extensions/extensions.lock.new");
    std::fs::create_dir(&next).expect("it is ours");
    next
}

#[tokio::test]
async fn a_quarantine_that_the_disk_refuses_is_written_again() {
    let stage = Stage::new().await;
    stage.approve("a.bad", &[TURN], &trapping());
    let digest = stage.shelf.lineup().running().next().expect("it runs").digest;
    let next = refuse(&stage);
    tokio::time::pause();
    let extension = "a.bad".parse().expect("an id");
    let quarantine = Quarantine { extension, digest, reason: "it trapped".to_owned() };
    let mend = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        std::fs::remove_dir(&next).expect("it is ours");
    };
    let (written, ()) = tokio::join!(write_quarantine(stage.shelf.clone(), &quarantine, Timestamp::UNIX_EPOCH), mend);
    assert!(written.expect("the disk takes it by now"));
    assert_eq!(stage.shelf.lineup().running().count(), 0);
}

#[tokio::test]
async fn a_quarantine_that_cannot_be_written_holds_for_this_run_and_says_so() {
    let stage = Stage::new().await;
    stage.approve("a.bad", &[TURN], &trapping());
    stage.approve("b.good", &[TURN], &asking(&[]));
    refuse(&stage);
    let running = stage.run().await;
    stage.tell_times(limits::EXTENSION_FAILURES_MAX).await;
    stage.until("it is told", async || !stage.events(&["extension_quarantined"]).await.is_empty()).await;
    let told = stage.events(&["extension_quarantined"]).await.remove(0).payload.expect("it says");
    assert_eq!((&told["extensionId"], &told["durable"]), (&json!("a.bad"), &json!(false)));
    let last = stage.tell(TURN, "s").await;
    let is_last = |one: &Invocation| one.extension == "b.good" && one.event == last;
    stage.until("the other has heard it", async || stage.invocations(0).await.iter().any(is_last)).await;
    assert_eq!(outcomes(&stage.invocations(0).await)["failed"], limits::EXTENSION_FAILURES_MAX);
    running.stop().await;
}
