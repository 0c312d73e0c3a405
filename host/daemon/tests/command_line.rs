//! The program as a script sees it: what it asks the API for, what it prints, and with which code it exits.
//!
//! The daemon is a stand-in that answers what a test says and keeps what it was asked.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "command_line/document.rs"]
mod document;
#[path = "command_line/for_people.rs"]
mod for_people;
mod stand_in;

use std::fs;
use std::process::{Output, Stdio};

use axum::http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use stand_in::StandIn;

/// What is typed, what is asked for then, and with which body.
const EACH_COMMAND: &str = include_str!("command_line/each_command.json");

/// A user's machine: a home, a data folder, and maybe a daemon's address in it.
struct Machine {
    home: TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { home: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap() };
        fs::create_dir(machine.data("")).unwrap();
        machine
    }

    fn with(daemon: &StandIn) -> Self {
        let machine = Self::new();
        machine.point_at(daemon);
        fs::write(machine.data("token"), "cm_secret\n").unwrap();
        machine
    }

    fn point_at(&self, daemon: &StandIn) {
        fs::write(self.data("address"), format!("{}\n", daemon.address)).unwrap();
    }

    fn data(&self, name: &str) -> std::path::PathBuf {
        self.home.path().join("data").join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_codex-manager"));
        command.args(line.split_whitespace()).env_clear().env("HOME", self.home.path()).env("DATA_DIR", self.data(""));
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    async fn run(&self, line: &str) -> Output {
        self.command(line).output().await.unwrap()
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test]
async fn each_command_asks_for_one_thing() {
    let table: Vec<(String, String, Value)> = serde_json::from_str(EACH_COMMAND).unwrap();
    let daemon = StandIn::answering(StatusCode::OK, "{}").await;
    let machine = Machine::with(&daemon);
    for (line, route, body) in table {
        let output = machine.run(&line).await;
        assert_eq!(code(&output), 0, "{line}: {}", stderr(&output));
        let asked = daemon.take();
        assert_eq!((&asked.route, &asked.body), (&route, &body), "{line}");
        assert_eq!(asked.header("authorization"), "Bearer cm_secret", "{line}");
    }
}

#[tokio::test]
async fn json_is_the_answer_to_the_byte() {
    let body = r#"{ "data": [],"b":1.0, "a" : "\u00e9" }"#;
    let daemon = StandIn::answering(StatusCode::OK, body).await;
    let output = Machine::with(&daemon).run("sessions list --json").await;
    assert_eq!(stdout(&output), format!("{body}\n"));
}

#[tokio::test]
async fn each_refusal_has_its_exit_code_and_is_told_on_stderr() {
    for (status, expected) in [(400, 2), (401, 5), (403, 5), (404, 3), (409, 4), (410, 3), (500, 1), (503, 1), (504, 7)]
    {
        let problem = r#"{"message":"no","detail":"it cannot be","hint":"try this","requestId":"req_1"}"#;
        let daemon = StandIn::answering(StatusCode::from_u16(status).unwrap(), problem).await;
        let output = Machine::with(&daemon).run("sessions get s1").await;
        assert_eq!((code(&output), stdout(&output)), (expected, String::new()), "{status}");
        assert_eq!(stderr(&output), "error: it cannot be\n  hint: try this\n  request: req_1\n", "{status}");
        let output = Machine::with(&daemon).run("sessions get s1 --json").await;
        assert_eq!((code(&output), stdout(&output)), (expected, format!("{problem}\n")), "{status}");
    }
}

#[tokio::test]
async fn a_refusal_names_its_code_to_have_it_explained() {
    let daemon = StandIn::answering(StatusCode::GONE, r#"{"detail":"it is gone","code":"session_deleted"}"#).await;
    let output = Machine::with(&daemon).run("sessions get s1").await;
    let code = "  code: session_deleted  (codex-manager explain session_deleted)\n";
    assert_eq!(stderr(&output), format!("error: it is gone\n{code}"));
}

#[tokio::test]
async fn a_daemon_that_is_not_there_is_unreachable() {
    let machine = Machine::new();
    let never_started = machine.run("sessions list").await;
    assert_eq!(code(&never_started), 6);
    assert!(stderr(&never_started).contains("codex-manager serve"), "{}", stderr(&never_started));
    let gone = StandIn::answering(StatusCode::OK, "{}").await;
    machine.point_at(&gone);
    gone.stop().await;
    assert_eq!(code(&machine.run("sessions list").await), 6);
    assert_eq!(code(&machine.run("--base-url http://127.0.0.1:1 tokens list").await), 6);
}

#[tokio::test]
async fn a_daemon_that_does_not_answer_is_a_timeout() {
    let daemon = StandIn::silent().await;
    let output = Machine::with(&daemon).run("sessions list --timeout 1").await;
    assert_eq!(code(&output), 7, "{}", stderr(&output));
}

#[tokio::test]
async fn wrong_usage_is_told_before_anything_happens() {
    let daemon = StandIn::answering(StatusCode::OK, "{}").await;
    let machine = Machine::with(&daemon);
    let (full, new) = (machine.home.path().display(), machine.data("new"));
    fs::write(machine.home.path().join("letter"), "").unwrap();
    let serve = "serve --listen 127.0.0.1:0 --codex-bin /bin/true";
    let of_others = [format!("{serve} --data-dir {full}"), format!("tokens list --data-dir {full}")];
    let same = format!("{serve} --data-dir {0} --codex-home {0}", new.display());
    for line in [
        "",
        "sessions",
        "sessions lst",
        "sessions list --limit 0",
        "approvals decide a1 maybe",
        "approvals decide a1 accept --scope session --exec-policy git",
        "sessions create --approval-policy always",
        "tokens create --role king --name x",
        "tokens create --role viewer --name x --expires-in soon",
        "--base-url nowhere sessions list",
        "serve --listen 0.0.0.0:3001",
        "serve --listen 3001",
        &of_others[0],
        &of_others[1],
        &same,
    ] {
        let output = machine.run(line).await;
        assert_eq!(code(&output), 2, "{line}: {}", stderr(&output));
        assert!(!stderr(&output).is_empty() && stdout(&output).is_empty(), "{line}");
    }
    assert_eq!(daemon.asked(), 0);
    assert!(!new.exists());
    let mut left: Vec<_> = fs::read_dir(machine.home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["data", "letter"]);
}

#[tokio::test]
async fn a_codex_that_is_not_there_stops_serve_before_it_makes_anything() {
    let machine = Machine::new();
    let output = machine.run("serve --listen 127.0.0.1:0 --codex-bin /nowhere/codex").await;
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("there is no /nowhere/codex") && stderr(&output).contains("CODEX_BIN"));
    assert_eq!(fs::read_dir(machine.data("")).unwrap().count(), 0);
}

#[tokio::test]
async fn the_help_lists_the_exit_codes() {
    let output = Machine::new().run("--help").await;
    assert_eq!(code(&output), 0);
    let exit_codes = "Exit codes:\n  0  done\n  1  failed\n  2  wrong usage";
    assert!(stdout(&output).contains(exit_codes), "{}", stdout(&output));
}

#[tokio::test]
async fn the_stream_goes_on_where_it_broke_off_even_at_another_address() {
    let first = StandIn::answering(StatusCode::OK, "id: e:1\ndata: {\"seq\":1}\n\n").await;
    let machine = Machine::with(&first);
    let mut child = machine
        .command("stream --json --after 0 --thread t1")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), r#"{"seq":1}"#);
    assert_eq!(first.take_all(), ["GET /api/sessions/t1/session-controls", "GET /api/stream?threadId=t1&after=0"]);

    let second = StandIn::answering(StatusCode::OK, "id: e:2\ndata: {\"seq\":2}\n\n").await;
    machine.point_at(&second);
    first.stop().await;
    assert_eq!(lines.next_line().await.unwrap().unwrap(), r#"{"seq":2}"#);
    let asked = second.take();
    assert_eq!((asked.route.as_str(), asked.header("last-event-id")), ("GET /api/stream?threadId=t1", "e:1"));
    child.kill().await.unwrap();
}

#[tokio::test]
async fn a_stream_that_is_refused_ends() {
    let daemon = StandIn::answering(StatusCode::GONE, r#"{"detail":"too old"}"#).await;
    assert_eq!(code(&Machine::with(&daemon).run("stream --after 3").await), 3);
}

#[tokio::test]
async fn tokens_can_be_made_before_the_first_start() {
    let machine = Machine::new();
    let made = machine.run("tokens create --role viewer --name ci --expires-in 30d --json").await;
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let id = made["token"]["tokenId"].as_str().unwrap();
    assert!(made["secret"].is_string() && made["token"]["expiresAt"].is_string(), "{made}");

    assert_eq!(code(&machine.run(&format!("tokens revoke {id}")).await), 0);
    let listed: Value = serde_json::from_slice(&machine.run("tokens list --json").await.stdout).unwrap();
    assert_eq!(listed["data"][0]["tokenId"], id);
    assert!(listed["data"][0]["revokedAt"].is_string() && listed["data"][0]["secret"].is_null(), "{listed}");
    assert_eq!(code(&machine.run("tokens revoke tok_none").await), 3);
    assert_eq!(code(&machine.run("tokens create --role viewer --name  ").await), 2);
}

#[tokio::test]
async fn tokens_of_a_data_folder_that_somebody_holds_are_left_alone() {
    let machine = Machine::new();
    let folder = fs::File::open(machine.data("")).unwrap();
    folder.lock().unwrap();
    let output = machine.run("tokens create --role viewer --name ci").await;
    assert_eq!(code(&output), 4, "{}", stderr(&output));
}

#[tokio::test]
async fn listing_tokens_before_the_first_start_makes_nothing() {
    let machine = Machine::new();
    let output = machine.run("tokens list").await;
    assert_eq!((code(&output), stdout(&output).as_str()), (0, ""), "{}", stderr(&output));
    let output = machine.run("tokens list --json").await;
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), json!({"data": []}));
    assert_eq!(fs::read_dir(machine.data("")).unwrap().count(), 0);
}

#[tokio::test]
async fn an_approval_that_is_decided_already_is_a_conflict() {
    let body = r#"{"code":"already_decided","detail":"approval a1 has been decided already"}"#;
    let daemon = StandIn::answering(StatusCode::NOT_FOUND, body).await;
    let output = Machine::with(&daemon).run("approvals decide a1 accept").await;
    assert_eq!(code(&output), 4, "{}", stderr(&output));
}

#[tokio::test]
async fn the_help_does_not_tell_what_the_environment_holds() {
    let machine = Machine::new();
    let names = ["DEFAULT_APPROVAL_POLICY", "DEFAULT_SANDBOX_MODE", "DEFAULT_NETWORK_ACCESS"];
    let output = machine.command("serve --help").envs(names.map(|name| (name, "held"))).output().await.unwrap();
    for name in names {
        assert!(stdout(&output).contains(&format!("[env: {name}]")), "{}", stdout(&output));
    }
    assert!(!stdout(&output).contains("held"));
}

#[tokio::test]
async fn the_doctor_looks_and_changes_nothing() {
    let machine = Machine::new();
    let output = machine.run("doctor --json").await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((code(&output), &report["ok"]), (0, &Value::Bool(true)), "{report}");
    assert_eq!(fs::read_dir(machine.data("")).unwrap().count(), 0);

    fs::remove_dir(machine.data("")).unwrap();
    fs::write(machine.home.path().join("data"), "a file").unwrap();
    let output = machine.run("doctor --json --codex-bin /nowhere/codex").await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let failed: Vec<&Value> = report["checks"].as_array().unwrap().iter().filter(|c| c["state"] == "fail").collect();
    let names: Vec<&Value> = failed.iter().map(|check| &check["name"]).collect();
    assert_eq!((code(&output), names), (1, vec![&json!("data folder"), &json!("codex")]), "{report}");
    assert!(failed.iter().all(|check| check["next"].is_string()), "{report}");
}

#[tokio::test]
async fn a_key_is_read_from_stdin_and_stands_on_no_command_line() {
    let daemon = StandIn::answering(StatusCode::OK, "{}").await;
    let machine = Machine::with(&daemon);
    let mut command = machine.command("account login start api-key");
    let mut running = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut running.stdin.take().unwrap(), b"sk-1\n").await.unwrap();
    let output = running.wait_with_output().await.unwrap();
    assert_eq!((code(&output), stdout(&output).as_str()), (0, "logged in\n"));
    assert_eq!(daemon.take().body, json!({"type": "apiKey", "apiKey": "sk-1"}));
    let nothing = machine.run("account login start api-key").await;
    assert_eq!(code(&nothing), 2, "{}", stderr(&nothing));
}
