//! The daemon as a value in another tokio program: built, driven, and stopped through its handle.

use codex_manager::{Daemon, StartError};
use codex_manager_tests::{Api, Home, soon};
use serde_json::json;

#[tokio::test]
async fn another_program_runs_a_daemon_and_stops_it() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let builder = Daemon::builder()
        .data_folder(home.data())
        .codex_home(home.codex_home())
        .workspace(home.project())
        .codex(env!("CARGO_BIN_EXE_scripted-app-server"))
        .listen(([127, 0, 0, 1], 0).into())
        .allow_uncontained(true);
    let daemon = builder.clone().build().await.unwrap();
    let token = std::fs::read_to_string(home.data().join("token")).unwrap();
    let api = Api::new(&format!("http://{}", daemon.address().unwrap()), token.trim());
    let (stop, mut head) = (daemon.shutdown_handle(), daemon.head());
    let run = tokio::spawn(daemon.run());

    api.until_codex_is("ready").await;
    let before = *head.borrow_and_update();
    let session = api.session(json!({})).await;
    assert!(*head.borrow() > before, "what happened is in the log");
    let second = builder.clone().build().await;
    assert!(matches!(second, Err(StartError::Locked(_))), "one daemon for one data folder");

    stop.shutdown();
    soon("the daemon's end", run).await.unwrap().unwrap();
    let daemon = builder.build().await.unwrap();
    let api = Api::new(&format!("http://{}", daemon.address().unwrap()), token.trim());
    let stop = daemon.shutdown_handle();
    let run = tokio::spawn(daemon.run());
    let listed = api.get("/api/sessions").await.expect(200).clone();
    assert_eq!(listed["data"][0]["sessionId"], json!(session), "it is there after the next start");
    stop.shutdown();
    soon("the second daemon's end", run).await.unwrap().unwrap();
}
