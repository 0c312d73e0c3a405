//! The command line against a daemon: what a person does with a session from a shell, and what is refused in words.

use std::process::Output;

use codex_manager_tests::soon;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::stage::Stage;

impl Stage {
    /// Runs a command to its end, without a terminal.
    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_daemon-under-test"));
        command.args(arguments).arg("--data-dir").arg(self.home.data()).stdin(std::process::Stdio::null());
        soon("the command's end", command.kill_on_drop(true).output()).await.unwrap()
    }

    /// The same of one that does what it is asked to: what it prints.
    async fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// The same of one that does not: its exit code, and the first line of what it says.
    async fn refused(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments).await;
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), said.lines().next().unwrap_or_default().to_owned())
    }
}

#[tokio::test]
async fn a_session_lives_and_ends_by_commands_alone() {
    let stage = Stage::ready([]).await;
    let folder = stage.home.project().display().to_string();
    let session = &stage.done(&["sessions", "create", "--cwd", &folder]).await;
    let turn = stage.done(&["sessions", "send", session, "good day"]).await;
    stage.until_end(&turn).await;
    assert_eq!(stage.done(&["sessions", "rename", session, "Tidy the tests"]).await, "Tidy the tests");
    let idle = (4, format!("error: no turn of session {session} is running"));
    assert_eq!(stage.refused(&["sessions", "steer", session, "slower"]).await, idle);
    let project = stage.done(&["projects", "create", "Garden"]).await;
    assert_eq!(stage.done(&["sessions", "project", "set", session, &project]).await, project);

    stage.done(&["sessions", "archive", session]).await;
    assert_eq!(stage.done(&["sessions", "list"]).await, "");
    stage.done(&["sessions", "unarchive", session]).await;
    assert!(stage.done(&["sessions", "list"]).await.contains("Tidy the tests"));

    let asked = (2, "error: there is no terminal to ask on, and nothing was deleted".to_owned());
    assert_eq!(stage.refused(&["sessions", "delete", session]).await, asked);
    assert_eq!(stage.done(&["sessions", "delete", session, "--yes"]).await, format!("{session} deleted"));
    assert_eq!(stage.refused(&["sessions", "get", session]).await.0, 3);

    let page: Value = serde_json::from_str(&stage.done(&["audit", "list", "--limit", "1", "--json"]).await).unwrap();
    assert_eq!(page["data"][0]["route"], "/api/sessions/{sessionId}");
    assert_eq!(page["data"][0]["targets"], json!({ "sessionId": session }));
}

#[tokio::test]
async fn what_names_nothing_is_told() {
    let stage = Stage::ready([]).await;
    let session = &stage.session().await;
    let nobody = (3, "error: there is no session nobody".to_owned());
    for arguments in [
        &["stream", "--thread", "nobody"][..],
        &["events", "list", "--thread", "nobody"],
        &["approvals", "list", "--session", "nobody", "--state", "all"],
    ] {
        assert_eq!(stage.refused(arguments).await, nobody, "{arguments:?}");
    }
    let nothing = (3, "error: there is no setting nope".to_owned());
    assert_eq!(stage.refused(&["sessions", "settings", "get", session, "nope"]).await, nothing);
    stage.done(&["sessions", "settings", "set", session, "nope", "null"]).await;
    assert_eq!(stage.done(&["sessions", "settings", "get", session, "nope"]).await, "null");
}
