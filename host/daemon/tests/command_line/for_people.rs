//! What a person at a terminal minds: questions, empty lists, pipes, help, and words that name nothing.

use std::process::Stdio;

use axum::http::StatusCode;

use super::stand_in::StandIn;
use super::{Machine, code, stderr, stdout};

#[tokio::test]
async fn what_cannot_be_taken_back_is_not_done_without_a_yes() {
    let daemon = StandIn::answering(StatusCode::OK, "{}").await;
    let machine = Machine::with(&daemon);
    for line in ["sessions delete s1", "projects delete-all prj_1"] {
        let output = machine.run(line).await;
        assert_eq!((code(&output), daemon.asked()), (2, 0), "{line}: {}", stderr(&output));
        assert!(stderr(&output).contains("nothing was deleted") && stderr(&output).contains("--yes"), "{line}");
    }
}

#[tokio::test]
async fn a_session_that_is_not_there_is_no_filter() {
    const LOOK: &str = "GET /api/sessions/s1/session-controls";
    let daemon = StandIn::answering(StatusCode::NOT_FOUND, r#"{"detail":"there is no session s1"}"#).await;
    let machine = Machine::with(&daemon);
    for line in ["stream --thread s1", "events list --thread s1", "approvals list --session s1 --state all"] {
        let output = machine.run(line).await;
        assert_eq!((code(&output), daemon.take_all()), (3, vec![LOOK.to_owned()]), "{line}");
        assert_eq!(stderr(&output), "error: there is no session s1\n", "{line}");
    }
    let daemon = StandIn::answering(StatusCode::OK, r#"{"data":[]}"#).await;
    assert_eq!(code(&Machine::with(&daemon).run("events list --thread s1").await), 0);
    assert_eq!(daemon.take_all(), [LOOK, "GET /api/events?threadId=s1"]);
    let daemon = StandIn::answering(StatusCode::FORBIDDEN, "{}").await;
    assert_eq!(code(&Machine::with(&daemon).run("events list --thread s1").await), 5);
    assert_eq!(daemon.asked(), 2, "a worker's session shows no controls, and has events");
}

#[tokio::test]
async fn a_setting_that_is_not_kept_is_told_apart_from_one_that_is_null() {
    let daemon = StandIn::answering(StatusCode::OK, r#"{"found":false,"value":null}"#).await;
    let machine = Machine::with(&daemon);
    for flags in ["", " --json"] {
        let output = machine.run(&format!("sessions settings get s1 nope{flags}")).await;
        assert_eq!((code(&output), stdout(&output).as_str()), (3, ""), "{}", stderr(&output));
        assert!(stderr(&output).contains("nope"), "{}", stderr(&output));
    }
    let daemon = StandIn::answering(StatusCode::OK, r#"{"found":true,"value":null}"#).await;
    let output = Machine::with(&daemon).run("sessions settings get s1 kept").await;
    assert_eq!((code(&output), stdout(&output).as_str()), (0, "null\n"), "{}", stderr(&output));

    let daemon = StandIn::answering(StatusCode::OK, r#"{"removed":false,"settings":{}}"#).await;
    let output = Machine::with(&daemon).run("sessions settings unset s1 nope").await;
    assert_eq!(code(&output), 3, "{}", stderr(&output));
}

#[tokio::test]
async fn a_turn_is_steered_without_being_named_if_one_runs() {
    let read = r#"{"thread":{"turns":[{"id":"t1","status":"completed"},{"id":"t2","status":"inProgress"}]}}"#;
    let daemon = StandIn::answering(StatusCode::OK, read).await;
    assert_eq!(code(&Machine::with(&daemon).run("sessions steer s1 slower").await), 0);
    assert_eq!(daemon.take_all(), ["GET /api/sessions/s1", "POST /api/sessions/s1/turns/t2/steer"]);

    let daemon = StandIn::answering(StatusCode::OK, r#"{"thread":{"turns":[]}}"#).await;
    let output = Machine::with(&daemon).run("sessions steer s1 slower").await;
    assert_eq!((code(&output), daemon.asked()), (4, 1), "{}", stderr(&output));
}

#[tokio::test]
async fn a_list_of_nothing_says_so_beside_its_output() {
    let daemon = StandIn::answering(StatusCode::OK, r#"{"data":[],"details":{}}"#).await;
    let machine = Machine::with(&daemon);
    for line in [
        "sessions list",
        "sessions list --archived",
        "sessions settings get s1",
        "projects list",
        "projects agent-sessions prj_1",
        "approvals list",
        "tool-input list",
        "tool-calls list --state all",
        "events list",
        "models list",
        "apps list",
        "features list",
        "collaboration-modes list",
        "skills list",
        "mcp servers",
        "tokens list",
        "audit list",
    ] {
        let output = machine.run(line).await;
        assert_eq!((code(&output), stdout(&output).as_str()), (0, ""), "{line}");
        assert!(stderr(&output).lines().count() == 1, "{line}: {}", stderr(&output));
    }
}

#[tokio::test]
async fn a_page_that_is_not_the_last_says_how_to_go_on() {
    for (line, page, more) in [
        ("approvals list", r#"{"data":[{}],"nextCursor":"c2"}"#, "more: --cursor c2\n"),
        ("audit list", r#"{"data":[{}],"nextBefore":7}"#, "more: --before 7\n"),
        ("events list", r#"{"data":[{}],"more":true,"next":"e.7"}"#, "more: --after e.7\n"),
        ("events list", r#"{"data":[],"more":true,"next":"e.9"}"#, "more: --after e.9\n"),
        ("models list", r#"{"data":[{}],"nextCursor":null}"#, ""),
    ] {
        let daemon = StandIn::answering(StatusCode::OK, page).await;
        let output = Machine::with(&daemon).run(line).await;
        assert_eq!((code(&output), stderr(&output).as_str()), (0, more), "{line}: {}", stdout(&output));
    }
}

#[tokio::test]
async fn a_reader_that_has_enough_is_no_failure() {
    let daemon = StandIn::answering(StatusCode::OK, "id: e:1\ndata: {\"seq\":1}\n\n").await;
    let machine = Machine::with(&daemon);
    for line in ["stream --json", "sessions get s1", "explain"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = machine.command(line);
        let output = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().await.unwrap();
        assert_eq!((code(&output), stderr(&output).as_str()), (0, ""), "{line}");
    }
}

#[tokio::test]
async fn an_error_that_nobody_reads_has_its_exit_code_all_the_same() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Machine::new().command("sessions list");
    assert_eq!(command.stderr(writer).status().await.unwrap().code(), Some(6));
}

#[tokio::test]
async fn the_help_of_a_verb_begins_with_what_is_its_own() {
    let output = Machine::new().run("sessions rename --help").await;
    let help = stdout(&output);
    let (own, global) = help.split_once("\nGlobal options:\n").unwrap_or_else(|| panic!("{help}"));
    for flag in ["--data-dir", "--codex-home", "--config", "--base-url", "--bearer", "--timeout", "--json"] {
        assert!(global.contains(flag) && !own.contains(flag), "{flag}: {help}");
    }
    assert!(own.contains("<TITLE>") && own.contains("--help"), "{help}");
}

#[tokio::test]
async fn who_ends_the_token_of_the_file_hears_where_the_next_one_comes_from() {
    for (name, said) in [("token file", "a daemon that starts writes a new one"), ("ci", "")] {
        let body = format!(r#"{{"token":{{"tokenId":"tok_1","name":"{name}"}}}}"#);
        let daemon = StandIn::answering(StatusCode::OK, body.leak()).await;
        let output = Machine::with(&daemon).run("tokens revoke tok_1").await;
        assert_eq!((code(&output), stdout(&output).as_str()), (0, "tok_1 ended\n"));
        assert!(stderr(&output).contains(said) && stderr(&output).is_empty() == said.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_type_that_nothing_has_is_told_how_to_find_one_that_is_there() {
    let daemon = StandIn::answering(StatusCode::OK, r#"{"data":[]}"#).await;
    let output = Machine::with(&daemon).run("events list --type turns").await;
    assert_eq!(code(&output), 0);
    assert!(stderr(&output).contains("without --type"), "{}", stderr(&output));
    assert_eq!(daemon.take_all(), ["GET /api/events?types=turns&types=app_server.turns"]);
}
