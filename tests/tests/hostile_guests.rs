//! Extensions that do harm, built from source. Each fails alone, with a sentence that names it, and the next event is
//! served by one that behaves.

use std::time::Duration;

use codex_manager_extension::{Component, FailureKind, Invoked, Limits, LinkError, Linked, folder};
use codex_manager_tests::{Random, skip, soon};
use futures_util::future::join_all;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::sandbox::{Sandbox, event, lay, record};

#[tokio::test]
async fn one_that_computes_for_ever() {
    fails_alone("spins", FailureKind::Cpu, "computed for longer than 250ms ([limits] cpu)").await;
}

#[tokio::test]
async fn one_that_computes_for_ever_before_it_is_called() {
    fails_alone("spins-at-start", FailureKind::Cpu, "computed for longer than 250ms ([limits] cpu)").await;
}

#[tokio::test]
async fn one_that_fills_its_memory() {
    fails_alone(
        "hoards",
        FailureKind::Memory,
        "failed, because it may not have more than 64 MiB of memory ([limits] memory)",
    )
    .await;
}

#[tokio::test]
async fn one_that_fills_many_memories() {
    fails_alone(
        "hoards-apart",
        FailureKind::Memory,
        "failed, because it may not have more than 64 MiB of memory ([limits] memory)",
    )
    .await;
}

#[tokio::test]
async fn one_that_traps() {
    fails_alone("traps", FailureKind::Trap, "trapped: wasm `unreachable` instruction executed").await;
}

#[tokio::test]
async fn one_that_exits() {
    fails_alone("exits", FailureKind::Trap, "exited with 1 instead of returning").await;
}

#[tokio::test]
async fn one_that_returns_100_mb() {
    fails_alone("returns-too-much", FailureKind::Limit, "was ended: too much data").await;
}

#[tokio::test]
async fn one_that_floods_the_log() {
    fails_alone("floods", FailureKind::Limit, "was ended, because it logged more than 65536 bytes or 1000 lines").await;
}

#[tokio::test]
async fn one_that_sleeps_for_ever_in_a_call_of_the_host() {
    fails_alone("sleeps", FailureKind::Wall, "took longer than 500ms").await;
}

#[tokio::test]
async fn one_that_calls_what_it_was_not_granted() {
    let sandbox = Sandbox::shared().await;
    let place = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let dropped = place.path();
    if let Err(why) = lay("hostile/trespasses", dropped) {
        skip!(why);
    }
    let refused = folder::read(dropped, sandbox.registry.vocabulary()).unwrap_err().to_string();
    assert!(refused.contains("sessions"), "it is told before anybody can approve it: {refused}");

    // And if its bytes came to be linked all the same:
    let component = std::fs::read(dropped.join("trespasses.wasm")).unwrap();
    let component = Component::compile(&sandbox.engine, &component).unwrap();
    let id = "hostile.trespasses".parse().unwrap();
    let linked = Linked::new(&sandbox.engine, &sandbox.registry, &component, id, Default::default(), Limits::default());
    let Err(refused @ LinkError::NotGranted { .. }) = linked.map(|_| ()) else { panic!("it is linked") };
    assert_eq!(
        refused.to_string(),
        "hostile.trespasses imports codex-manager:sessions/reader@1.0.0, which belongs to sessions: that was not granted"
    );
    let obeys = sandbox.approved("hostile/obeys").await.unwrap();
    assert_served(&obeys.on_event(&event("{}"), &record()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_computes_is_cut_short_anywhere() {
    is_cut_short_anywhere("spins").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_sleeps_in_a_call_of_the_host_is_cut_short_anywhere() {
    is_cut_short_anywhere("sleeps").await;
}

/// One that does harm, and the one that behaves; why not, where their target cannot be had. The first may need none.
async fn pair(sandbox: &Sandbox, name: &str) -> Result<(Linked, Linked), String> {
    Ok((sandbox.approved(&format!("hostile/{name}")).await?, sandbox.approved("hostile/obeys").await?))
}

/// Offers it an event twice, while another that behaves is offered the same and then the next.
async fn fails_alone(name: &str, kind: FailureKind, sentence: &str) {
    let sandbox = Sandbox::shared().await;
    let (hostile, obeys) = match pair(&sandbox, name).await {
        Ok(pair) => pair,
        Err(why) => skip!(why),
    };
    let (event, record) = (event("{}"), record());
    for _ in 0..2 {
        let (failed, served) = tokio::join!(hostile.on_event(&event, &record), obeys.on_event(&event, &record));
        assert_served(&served);
        let failure = failed.outcome.unwrap_err();
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.sentence.starts_with(&format!("hostile.{name} {sentence}")), "{failure}");
        assert!(failure.sentence.contains(", on event 4711 (app_server.turn.completed)"), "{failure}");
        assert_served(&obeys.on_event(&event, &record).await);
    }
}

/// Drops its invocations at 200 moments, some of them while they wait for a place to run in.
async fn is_cut_short_anywhere(name: &str) {
    const MOMENTS: usize = 200;
    const AT_ONCE: usize = 4;
    let (mut random, seed) = Random::of_test();
    println!("seed {seed}");
    let sandbox = Sandbox::with_places(2).await;
    let (hostile, obeys) = match pair(&sandbox, name).await {
        Ok(pair) => pair,
        Err(why) => skip!(why),
    };
    let (event, record) = (event("{}"), record());
    let mut cut_short = 0;
    for _ in 0..MOMENTS / AT_ONCE {
        let moments = (0..AT_ONCE).map(|_| Duration::from_micros(random.within(0..30_000)));
        let calls = moments.map(|moment| timeout(moment, hostile.on_event(&event, &record)));
        cut_short += join_all(calls).await.into_iter().filter(Result::is_err).count();
    }
    // On a machine that stands still for a while, one may come to its own end.
    assert!(cut_short > MOMENTS / 2, "only {cut_short} were cut short");
    for _ in 0..3 {
        let served = soon("a place that was given back", obeys.on_event(&event, &record)).await;
        assert_served(&served);
    }
}

/// Whether the one that behaves did what it does.
fn assert_served(invoked: &Invoked) {
    let actions = invoked.outcome.as_ref().unwrap();
    let kinds: Vec<&str> = actions.iter().map(|action| action.kind.as_str()).collect();
    assert_eq!(kinds, ["transcript.upsert"]);
}
