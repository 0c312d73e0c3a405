//! The child stands still. Each of these lasts as long as the daemon's patience does, so they share one test.

use std::time::Instant;

use codex_manager_tests::{Fault, Moment, PATIENCE};
use serde_json::json;

use crate::stage::Stage;

#[tokio::test]
async fn a_child_that_hangs_is_told_and_replaced() {
    tokio::join!(in_the_handshake(), in_a_turn(), without_reading());
}

async fn in_the_handshake() {
    let stage = Stage::start([Fault::Hang.on("initialize").in_generation(1)]).await;
    assert_eq!(stage.api.codex().await["state"], "starting");
    stage.api.until_restarted(1).await;
    stage.assert_works().await;
}

/// One request without an answer holds up its session and nobody else.
async fn in_a_turn() {
    let stage = Stage::ready([Fault::Hang.on("turn/start").once()]).await;
    let session = stage.session().await;
    let (api, path) = (stage.api.clone(), format!("/api/sessions/{session}/messages"));
    let hanging = tokio::spawn(async move { api.post(&path, json!({"text": "good day"})).await });
    let begun = Instant::now();
    codex_manager_tests::until("the request", async || stage.home.received_of("turn/start").pop()).await;
    stage.assert_works().await;
    assert!(begun.elapsed() < PATIENCE / 2, "another session waited for the one that hangs");
    let answer = hanging.await.unwrap();
    assert!(answer.expect(504)["operationId"].is_string());
}

/// A pipe that nobody empties is noticed as soon as something does not fit into it.
async fn without_reading() {
    let stage = Stage::ready([Fault::StopReading.at(Moment::Turn).in_generation(1)]).await;
    let (first, second) = (stage.session().await, stage.session().await);
    stage.api.say(&first, "good day").await;
    let big = json!({"text": "x".repeat(300_000)});
    let answer = stage.api.post(&format!("/api/sessions/{second}/messages"), big).await;
    assert!(matches!(answer.status, 202 | 503 | 504), "{answer:?}");
    stage.api.until_restarted(1).await;
    stage.assert_works().await;
}

#[tokio::test]
async fn a_slow_child_is_waited_for_and_the_daemon_listens_meanwhile() {
    let stage = Stage::start([Fault::WaitFor("go".to_owned()).at(Moment::Start)]).await;
    let codex = stage.api.codex().await;
    assert_eq!((&codex["state"], &codex["initialized"]), (&json!("starting"), &json!(false)), "{codex}");
    let refused = stage.api.post("/api/sessions", json!({})).await;
    refused.expect(503);
    assert!(refused.headers.contains_key("retry-after"));
    std::fs::write(stage.home.codex_home().join("go"), "").unwrap();
    stage.assert_works().await;
    assert_eq!(stage.home.starts(), 1);
}
