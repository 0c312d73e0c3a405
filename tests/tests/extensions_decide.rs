//! The first thread: what the child asks reaches an extension, and its answer reaches the child.

use codex_manager_tests::Home;
use serde_json::json;

use crate::sandbox::lay;
use crate::stage::{Stage, of_type};

#[tokio::test]
async fn an_extension_declines_what_the_child_asks_and_leaves_a_row_that_says_so() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    lay("decliner", &home.project().join("extensions/decliner")).expect("text needs no tools");
    let stage = Stage::start_on(home).await;
    stage.api.until_codex_is("ready").await;
    let digest = stage.api.approve_extension("house.decliner").await;

    let session = stage.session().await;
    let frames = stage.turn(&session, "::approve make clean").await;
    let turn = &of_type(&frames, "app_server.turn.completed")[0]["payload"]["context"]["turnId"];
    assert_eq!(stage.answer(&session, turn.as_str().unwrap()).await, "It was rejected. Done.");
    let rows = stage.api.transcript(&session).await;
    let why = rows.iter().find(|row| row["type"] == "house.decliner").expect("it left a row");
    assert_eq!((&why["content"], &why["turnId"]), (&json!("Nothing is allowed here."), turn));

    let resolved = &of_type(&frames, "approval_resolved")[0]["payload"];
    assert_eq!((&resolved["actor"], &resolved["decision"]), (&json!("extension:house.decliner"), &json!("decline")));
    let invoked = &of_type(&frames, "extension_invoked")[0]["payload"];
    assert_eq!((&invoked["outcome"], &invoked["digest"]), (&json!("applied"), &digest));
    let health = stage.api.get("/api/health").await;
    assert_eq!(health.expect(200)["extensions"]["running"], 1);
}
