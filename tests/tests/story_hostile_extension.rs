//! An extension that does harm, or merely waits, in a daemon where another one works.

use codex_manager_tests::{Home, row, skip, soon};
use serde_json::{Value, json};

use crate::sandbox::lay;
use crate::stage::{Stage, launch, of_type};

const SPINS: &str = "hostile.spins";
const OBEYS: &str = "hostile.obeys";
const WAITS: &str = "hostile.waits";

#[tokio::test]
async fn one_extension_fails_alone_and_the_other_serves_this_event_and_the_next() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let drops = home.path().join("drops");
    for name in ["spins", "obeys"] {
        if let Err(why) = lay(&format!("hostile/{name}"), &drops.join(name)) {
            skip!(why);
        }
    }
    let daemon = launch().option("--extensions", drops).start(&home).await;
    let stage = Stage::of(home, daemon);
    stage.api.until_codex_is("ready").await;
    for id in [SPINS, OBEYS] {
        stage.api.approve_extension(id).await;
    }

    let session = stage.session().await;
    for round in 1..=2 {
        let turn = stage.api.say(&session, "good day").await;
        let (mut failed, mut served) = (0, false);
        let both = |frame: &Value| {
            failed += usize::from(is_failure(frame));
            served |= frame["type"] == "transcript_updated" && frame["payload"]["turnId"] == turn;
            failed == round && served
        };
        let what = "what both extensions come to";
        let frames = soon(what, stage.until(what, both)).await;

        let last = frames.iter().rfind(|frame| is_failure(frame)).unwrap();
        let ended = frames.iter().rfind(|frame| frame["type"] == "app_server.turn.completed").unwrap();
        let sentence = format!(
            "hostile.spins computed for longer than 250ms ([limits] cpu), on event {} (app_server.turn.completed)",
            row(ended).unwrap()
        );
        assert_eq!(last["payload"]["sentence"], json!(sentence));
        let records = stage.api.invocations(SPINS).await;
        assert_eq!(records[0]["sentence"], json!(sentence), "{records:?}");

        let rows = stage.api.transcript(&session).await;
        let left = rows.iter().find(|row| row["turnId"] == turn && row["type"] == OBEYS).unwrap();
        assert_eq!(left["content"], "heard app_server.turn.completed");
        assert_eq!(of_type(&frames, "transcript_updated").len(), round, "one row a turn");
    }
}

#[tokio::test]
async fn one_that_only_waits_holds_up_nobody_in_any_session() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let drops = home.path().join("drops");
    for name in ["waits", "obeys"] {
        if let Err(why) = lay(&format!("hostile/{name}"), &drops.join(name)) {
            skip!(why);
        }
    }
    let daemon = launch().option("--extensions", drops).start(&home).await;
    let stage = Stage::of(home, daemon);
    stage.api.until_codex_is("ready").await;
    for id in [WAITS, OBEYS] {
        stage.api.approve_extension(id).await;
    }
    let mut turns = Vec::new();
    for _ in 0..5 {
        let session = stage.session().await;
        for _ in 0..2 {
            let turn = stage.api.say(&session, "good day").await;
            stage.until_end(&turn).await;
            turns.push((session.clone(), turn));
        }
    }
    for (session, turn) in turns {
        let left = |row: &Value| row["turnId"] == turn && row["type"] == OBEYS;
        stage.api.until_transcript(&session, "the row of the one that behaves", left).await;
    }
    assert_eq!(stage.api.invocations(OBEYS).await.len(), 10);
    assert_eq!(stage.api.invocations(WAITS).await, [] as [Value; 0], "it sleeps");
    // Nothing of what it has left undone is lost: its place is the first event that it has not done with.
    let shown = stage.api.extension(WAITS).await;
    assert_eq!(shown["approved"]["standing"]["state"], "enabled", "waiting is no failure: {shown}");
}

/// Whether a frame tells that the one that does harm has failed.
fn is_failure(frame: &Value) -> bool {
    let payload = &frame["payload"];
    frame["type"] == "extension_invoked" && payload["extensionId"] == SPINS && payload["outcome"] == "failed"
}
