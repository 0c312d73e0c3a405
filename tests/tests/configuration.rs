//! Where settings come from, which of them wins, and what is said of those that are wrong.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};

use codex_manager_tests::{Home, Refusal};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::stage::launch;

const SECRET: &str = "canary-3f9a-secret";

fn home(config: &str) -> Home {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    fs::write(home.data().join("config.toml"), config).unwrap();
    home
}

/// The command line in an environment of its own.
pub(crate) async fn run(home: &Home, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daemon-under-test"));
    command.env_clear().env("HOME", home.path()).envs(variables.iter().copied());
    command.args(arguments).arg("--data-dir").arg(home.data()).stdin(Stdio::null());
    command.output().await.unwrap()
}

pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The settings in effect, by key.
fn shown(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(output));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let all = document["settings"].as_array().unwrap();
    all.iter().map(|setting| (setting["key"].as_str().unwrap().to_owned(), setting.clone())).collect()
}

#[tokio::test]
async fn each_source_wins_over_those_after_it_and_is_told() {
    let home = home("[listen]\nport = 4001\n[codex]\nbin = \"/file/codex\"\n[log]\nlevel = \"warn\"\n");
    let variables = [("PORT", "4002"), ("CODEX_BIN", "/env/codex"), ("ORCHESTRATOR_QUEUE_MAX_GLOBAL", "7")];
    let found = shown(&run(&home, &["config", "show", "--json", "--codex-bin", "/flag/codex"], &variables).await);
    let told = |key: &str| (found[key]["value"].clone(), found[key]["origin"].clone(), found[key]["from"].clone());
    let file = format!("{}:6", home.data().join("config.toml").display());
    for (key, value, origin, from) in [
        ("codex.bin", json!("/flag/codex"), "flag", json!("--codex-bin")),
        ("listen.port", json!(4002), "environment", json!("PORT")),
        ("log.level", json!("warn"), "file", json!(file)),
        ("defaults.sandbox_mode", json!("read-only"), "default", Value::Null),
        ("queue.max_global", json!(7), "environment", json!("ORCHESTRATOR_QUEUE_MAX_GLOBAL")),
        ("data_dir", json!(home.data()), "flag", json!("--data-dir")),
    ] {
        assert_eq!(told(key), (value, json!(origin), from), "{key}");
    }
    let lines = text(&run(&home, &["config", "show", "--origin"], &variables).await);
    let port = lines.lines().find(|line| line.starts_with("listen.port")).unwrap();
    assert!(port.contains("4002") && port.ends_with("environment PORT"), "{port}");
}

#[tokio::test]
async fn a_secret_is_never_shown() {
    let home = home("");
    let variables = [
        ("OPENAI_API_KEY", SECRET),
        ("AGENT_EXTENSION_RBAC_JWT_SECRET", SECRET),
        ("AGENT_EXTENSION_RBAC_HEADER_SECRET", SECRET),
    ];
    for arguments in [&["config", "show", "--origin"][..], &["config", "show", "--json"]] {
        let output = run(&home, arguments, &variables).await;
        assert!(output.status.success() && !text(&output).contains(SECRET), "{}", text(&output));
    }
    let found = shown(&run(&home, &["config", "show", "--json"], &variables).await);
    assert_eq!(found["rbac.jwt_secret"]["value"], "(set, not shown)");
}

#[tokio::test]
async fn what_is_wrong_is_refused_by_its_name_with_the_next_step() {
    for (config, variables, words) in [
        ("\n[codex]\nbim = \"/x\"\n", &[][..], &["config.toml:3", "codex.bim", "codex.bin"][..]),
        ("[listen]\nport = \"many\"\n", &[], &["config.toml:2", "listen.port"]),
        ("", &[("DEFAULT_NETWORK_ACCESS", "some")], &["DEFAULT_NETWORK_ACCESS", "restricted"]),
        ("", &[("SESSION_DEFAULTS_LOCKED", "perhaps")], &["SESSION_DEFAULTS_LOCKED", "perhaps", "true or false"]),
        ("", &[("ORCHESTRATOR_AGENT_TURN_TIMEOUT_MS", "soon")], &["ORCHESTRATOR_AGENT_TURN_TIMEOUT_MS", "soon"]),
        ("", &[("DEFAULT_SANDBOX_MODE", "none")], &["DEFAULT_SANDBOX_MODE", "workspace-write"]),
        ("", &[("LOG_LEVEL", "chatty")], &["LOG_LEVEL", "chatty"]),
        ("[rbac]\njwt_secret = \"canary-3f9a-secret\"\n", &[], &["config.toml:2", "AGENT_EXTENSION_RBAC_JWT_SECRET"]),
    ] {
        let home = home(config);
        let mut launch = launch();
        for (name, value) in variables {
            launch = launch.variable(name, value);
        }
        let Err(Refusal { status, log }) = launch.try_start(&home).await else { panic!("it started with {config:?}") };
        assert_eq!(status.code(), Some(2), "{log}");
        assert!(words.iter().all(|word| log.contains(word)), "{words:?} in:\n{log}");
        assert!(!log.contains(SECRET), "{log}");
    }
}

#[tokio::test]
async fn the_next_step_after_a_wrong_line_works_while_the_line_is_wrong() {
    for (config, words) in [
        ("[listen]\nport = \"many\"\n", &["config.toml:2", "a whole number from 0 to 65535", "mend line 2 of"][..]),
        ("listen = 5\n", &["config.toml:1", "write [listen], and below it host, port"]),
        ("port = 5\n", &["config.toml:1", "did you mean listen.port?"]),
        ("[codex\n", &["config.toml:1", "mend line 1 of"]),
    ] {
        let home = home(config);
        let refused = run(&home, &["config", "show"], &[]).await;
        let said = text(&refused);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(
            words.iter().chain(&["`codex-manager config keys`"]).all(|word| said.contains(word)),
            "{words:?} in {said}"
        );
        let keys = run(&home, &["config", "keys"], &[]).await;
        assert!(keys.status.success(), "{}", text(&keys));
        let line = text(&keys).lines().find(|line| line.starts_with("listen.port ")).map(str::to_owned);
        assert!(line.is_some_and(|line| line.contains("a whole number from 0 to 65535 [default: 3001]")));
        assert!(!text(&keys).contains("jwt_secret"), "what the file cannot have is not offered");
    }
}

#[tokio::test]
async fn another_shell_is_told_what_the_daemon_at_work_goes_by() {
    const TOOLS: (&str, &str) = ("CODEX_MANAGER_TOOLS_DIR", "/no/tools");
    let home = home("");
    let daemon = launch()
        .variable("DEFAULT_SANDBOX_MODE", "workspace-write")
        .variable("AGENT_EXTENSION_RBAC_JWT_SECRET", SECRET)
        .variable(TOOLS.0, TOOLS.1)
        .start(&home)
        .await;
    let difference = "defaults.sandbox_mode = workspace-write (here read-only)";
    let process = format!("process {}", daemon.pid());
    let shown = run(&home, &["config", "show"], &[]).await;
    let note = String::from_utf8_lossy(&shown.stderr);
    assert!(shown.status.success() && note.contains(difference) && note.contains(&process), "{note}");
    assert!(!note.contains("log.level") && !note.contains(SECRET), "{note}");
    let doctor = run(&home, &["doctor"], &[]).await;
    assert!(text(&doctor).contains(difference) && text(&doctor).contains(&process), "{}", text(&doctor));

    let child = env!("CARGO_BIN_EXE_scripted-app-server");
    let codex_home = home.codex_home().display().to_string();
    let flags = ["config", "show", "--json", "--listen", "127.0.0.1:0", "--allow-uncontained", "--bring-login=false"];
    let same = [&flags[..], &["--codex-bin", child, "--codex-home", &codex_home]].concat();
    let said = [("DEFAULT_SANDBOX_MODE", "workspace-write"), ("AGENT_EXTENSION_RBAC_JWT_SECRET", "another"), TOOLS];
    let shown = run(&home, &same, &said).await;
    let running = serde_json::from_slice::<Value>(&shown.stdout).unwrap()["running"].clone();
    assert_eq!((&running["pid"], &running["different"]), (&json!(daemon.pid()), &json!({})), "{running}");
    assert!(shown.stderr.is_empty(), "{}", text(&shown));

    daemon.kill().await;
    let shown = run(&home, &["config", "show"], &[]).await;
    assert!(shown.status.success() && shown.stderr.is_empty(), "nothing runs: {}", text(&shown));
}

#[tokio::test]
async fn a_file_that_others_can_write_is_refused() {
    let home = home("[log]\nlevel = \"debug\"\n");
    let file = home.data().join("config.toml");
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    let Err(Refusal { log, .. }) = launch().try_start(&home).await else { panic!("it started") };
    assert!(log.contains("666") && log.contains("chmod"), "{log}");
    // A client does not stumble over it.
    let path = run(&home, &["config", "path"], &[]).await;
    assert_eq!(text(&path).trim(), file.display().to_string());
}

#[tokio::test]
async fn a_daemon_heeds_its_file_and_another_that_is_named() {
    let home = home("[defaults]\nsandbox_mode = \"workspace-write\"\nlocked = true\n");
    let daemon = launch().start(&home).await;
    let api = daemon.api();
    api.until_codex_is("ready").await;
    let made = api.post("/api/sessions", json!({"cwd": home.project()})).await;
    let session = made.expect(200)["session"].clone();
    assert_eq!(session["sessionControls"]["filesystemSandbox"], "workspace-write", "{session}");
    let id = session["sessionId"].as_str().unwrap();
    let controls = api.get(&format!("/api/sessions/{id}/session-controls")).await;
    assert_eq!(controls.expect(200)["defaultsEditable"], false);
    daemon.stop().await;

    let named = home.path().join("named.toml");
    fs::write(&named, "[defaults]\nsandbox_mode = \"danger-full-access\"\n").unwrap();
    let daemon = launch().option("--config", &named).start(&home).await;
    let api = daemon.api();
    api.until_codex_is("ready").await;
    let made = api.post("/api/sessions", json!({"cwd": home.project()})).await;
    assert_eq!(made.expect(200)["session"]["sessionControls"]["filesystemSandbox"], "danger-full-access");
}

#[tokio::test]
async fn every_code_is_explained_and_a_slip_is_recognised() {
    let home = home("");
    let one = text(&run(&home, &["explain", "session_deleted"], &[]).await);
    assert!(one.starts_with("session_deleted (HTTP 410)\n"), "{one}");
    let all = text(&run(&home, &["explain"], &[]).await);
    assert!(all.lines().count() > 40 && all.contains("\nstorage_full "), "{all}");
    let slip = run(&home, &["explain", "sesion_deleted"], &[]).await;
    assert_eq!(slip.status.code(), Some(3));
    assert!(text(&slip).contains("did you mean session_deleted?"), "{}", text(&slip));
}

#[tokio::test]
async fn a_log_of_text_has_colours_on_a_terminal_only() {
    let home = home("[log]\nformat = \"text\"\n");
    let daemon = launch().start(&home).await;
    daemon.api().until_codex_is("ready").await;
    daemon.stop().await;
    let log = fs::read_to_string(home.log()).unwrap();
    assert!(log.contains(" INFO ") && !log.contains('\x1b'), "{log:?}");
}
