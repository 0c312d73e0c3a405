//! A guard never fails open: beside an extension that accepts everything, whatever the guard declines is never accepted,
//! in whatever state the guard is. Only a person who switches it off takes its word away.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use codex_manager_tests::{Home, guest, until};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{Stage, launch, of_type};

const SCRATCH: &str = env!("CARGO_TARGET_TMPDIR");
const GUARD: &str = "house.decliner";
const ACCEPTER: &str = "house.accepter";
/// Approvals that a guard which traps fails at before it is in quarantine.
const FAILURES: usize = 5;

/// What a variant of the decliner of `guests/` is.
#[derive(Clone, Copy)]
enum Variant {
    /// It declines everything.
    Declines,
    /// The same, with functions beside that that take a while to compile.
    DeclinesAndIsLarge,
    /// It accepts everything.
    Accepts,
    /// It traps.
    Traps,
}

/// Lays a variant of the decliner into the drop folder of `home`, under this version.
fn lay(home: &Home, variant: Variant, version: &str) {
    let of = |file: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/decliner").join(file));
    let (manifest, text) = (of("extension.toml").unwrap(), of("guest.wat").unwrap());
    let manifest = manifest.replace("1.0.0", version);
    let (manifest, text) = match variant {
        Variant::Declines => (manifest, text),
        Variant::DeclinesAndIsLarge => (manifest, with_large_functions(&text)),
        Variant::Accepts => (
            manifest.replace(GUARD, ACCEPTER).replace("approval.decline", "approval.accept"),
            text.replace(GUARD, ACCEPTER)
                .replace("approval.decline", "approval.accept")
                .replace("(i32.store (i32.const 2052) (i32.const 16))", "(i32.store (i32.const 2052) (i32.const 15))"),
        ),
        Variant::Traps => (
            manifest,
            text.replace(
                "(local $at i32)\n    (local.set $at (i32.load",
                "(local $at i32)\n    unreachable\n    (local.set $at (i32.load",
            ),
        ),
    };
    let name = if matches!(variant, Variant::Accepts) { "accepter" } else { "decliner" };
    let source = TempDir::new_in(SCRATCH).unwrap();
    fs::write(source.path().join("extension.toml"), &manifest).unwrap();
    fs::write(source.path().join("guest.wat"), text).unwrap();
    let component = guest(source.path(), SCRATCH).expect("text needs no tools");
    let drop = home.project().join("extensions").join(name);
    fs::create_dir_all(&drop).unwrap();
    fs::write(drop.join("extension.toml"), manifest.replace("decliner.wasm", &format!("{name}.wasm"))).unwrap();
    fs::copy(component, drop.join(name).with_extension("wasm")).unwrap();
}

/// Functions that nobody calls and that take seconds to compile.
fn with_large_functions(text: &str) -> String {
    let step = |n: u32| {
        format!("(if (local.get {}) (then (local.set {} (local.get {}))))", n * 7 % 500, n * 13 % 500, n * 31 % 500)
    };
    let body: String = (0..4_000).map(step).collect();
    let functions = format!("(func (local {}) {body})", "i32 ".repeat(500)).repeat(4);
    text.replacen("(memory (export \"memory\") 16)", &format!("(memory (export \"memory\") 16) {functions}"), 1)
}

/// A home in which the accepter was dropped, and this variant of the guard.
fn home_with(guard: Variant) -> Home {
    let home = Home::new(SCRATCH);
    lay(&home, Variant::Accepts, "1.0.0");
    lay(&home, guard, "1.0.0");
    home
}

async fn start(home: Home) -> Stage {
    let stage = Stage::start_on(home).await;
    stage.api.until_codex_is("ready").await;
    stage
}

/// A daemon on which the accepter runs, and this variant of the guard.
async fn running(guard: Variant) -> Stage {
    let stage = start(home_with(guard)).await;
    for id in [ACCEPTER, GUARD] {
        stage.api.approve_extension(id).await;
    }
    stage
}

/// Asks for a command, and gives what became of the approval once something did.
async fn decided(stage: &Stage) -> Value {
    let session = stage.session().await;
    stage.api.say(&session, "::approve git push").await;
    let is_it = |frame: &Value| frame["type"] == "approval_resolved" && frame["threadId"] == session;
    let frames = stage.until("what was decided", is_it).await;
    frames.last().unwrap()["payload"].clone()
}

/// Asks for a command, and sees that the guard declines it.
async fn assert_declined(stage: &Stage) {
    let resolved = decided(stage).await;
    let expected = (json!("decline"), json!(format!("extension:{GUARD}")));
    assert_eq!((resolved["decision"].clone(), resolved["actor"].clone()), expected);
}

/// Asks for a command, and sees that the accepter has had its say and nothing came of it; gives the session.
async fn assert_barred(stage: &Stage) -> String {
    let session = stage.session().await;
    stage.api.say(&session, "::approve git push").await;
    let outcome = until("the accepter's answer", async || {
        let calls = stage.api.invocations(ACCEPTER).await;
        calls.into_iter().find(|call| call["sessionId"] == session)
    });
    let outcome = outcome.await;
    assert_ne!(outcome["outcome"], "applied", "{outcome}");
    session
}

/// No command was ever accepted, in any life of the child.
fn assert_nothing_ran(home: &Home, lives: u64) {
    for life in 1..=lives {
        for message in home.received(life) {
            assert_ne!(message["result"]["decision"], "accept", "in life {life}: {message}");
        }
    }
}

#[tokio::test]
async fn while_an_update_is_compiled_the_version_before_it_declines() {
    let stage = running(Variant::Declines).await;
    assert_declined(&stage).await;
    lay(&stage.home, Variant::DeclinesAndIsLarge, "1.1.0");
    stage.api.say_yes_to_extension(GUARD).await;
    let mut while_compiling = 0;
    loop {
        assert_declined(&stage).await;
        let guard = stage.api.extension(GUARD).await;
        if guard["state"] == "running" {
            break;
        }
        while_compiling += usize::from(guard["state"] == "compiling" && guard["runs"]["version"] == "1.0.0");
    }
    assert!(while_compiling > 0, "the update was ready before anybody asked");
    assert_declined(&stage).await;
    assert_eq!(stage.api.extension(GUARD).await["runs"]["version"], "1.1.0");
    let frames = stage.until("the update", |frame| {
        frame["type"] == "extension_state_changed"
            && frame["payload"]["version"] == "1.1.0"
            && frame["payload"]["state"] == "running"
    });
    let frames = frames.await;
    let states = of_type(&frames, "extension_state_changed").into_iter().map(|frame| &frame["payload"]);
    let states: Vec<_> =
        states.filter(|payload| payload["version"] == "1.1.0").map(|payload| &payload["state"]).collect();
    assert_eq!(states, ["compiling", "ready", "running"]);
    assert_nothing_ran(&stage.home, 1);
}

#[tokio::test]
async fn before_a_guard_is_ready_for_the_first_time_only_a_person_accepts() {
    let stage = start(home_with(Variant::DeclinesAndIsLarge)).await;
    stage.api.approve_extension(ACCEPTER).await;
    stage.api.say_yes_to_extension(GUARD).await;
    let session = assert_barred(&stage).await;
    let health = stage.api.get("/api/health").await.expect(200).clone();
    assert_eq!(health["extensions"]["missing"], json!([GUARD]), "{health}");
    // Once it is ready it is told of what still waits.
    let is_it = |frame: &Value| frame["type"] == "approval_resolved" && frame["threadId"] == session;
    let resolved = stage.until("the guard's word", is_it).await.pop().unwrap();
    assert_eq!(resolved["payload"]["decision"], "decline");
    assert_nothing_ran(&stage.home, 1);
}

#[tokio::test]
async fn after_a_start_without_compiled_code_nothing_is_accepted_before_the_guard_is_back() {
    let stage = running(Variant::DeclinesAndIsLarge).await;
    let home = stage.end().await;
    // What an upgrade of the engine leaves behind fits no more either.
    for entry in fs::read_dir(home.data().join("extensions/compiled")).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let stage = start(home).await;
    assert_declined(&stage).await;
    assert_nothing_ran(&stage.home, 2);
}

#[tokio::test]
async fn a_guard_that_traps_bars_accepts_before_and_in_quarantine_until_a_person_switches_it_off() {
    let stage = running(Variant::Traps).await;
    for _ in 0..FAILURES {
        assert_barred(&stage).await;
    }
    let guard = stage.api.until_extension_is(GUARD, "quarantined").await;
    assert_eq!(guard["required"], true);
    assert_barred(&stage).await;
    assert_nothing_ran(&stage.home, 1);
    stage.api.post(&format!("/api/agents/extensions/{GUARD}/disable"), json!({})).await.expect(200);
    let resolved = decided(&stage).await;
    assert_eq!(
        (&resolved["decision"], &resolved["actor"]),
        (&json!("accept"), &json!(format!("extension:{ACCEPTER}")))
    );
}

#[tokio::test]
async fn a_quarantine_of_one_that_is_not_required_leaves_the_others_their_say() {
    let stage = running(Variant::Traps).await;
    let path = format!("/api/agents/extensions/{GUARD}/require");
    let stood = stage.api.post(&path, json!({ "required": false })).await.expect(200).clone();
    assert_eq!(stood["required"], false);
    for _ in 0..FAILURES {
        let resolved = decided(&stage).await;
        assert_eq!(resolved["decision"], "accept");
    }
    stage.api.until_extension_is(GUARD, "quarantined").await;
    assert_eq!(decided(&stage).await["decision"], "accept");
    // Required again, its silence counts again.
    stage.api.post(&path, json!({ "required": true })).await.expect(200);
    assert_barred(&stage).await;
}

#[tokio::test]
async fn killed_at_each_step_of_an_update_it_declines_as_ever() {
    for arrow in ["version_compiling", "version_ready", "version_succeeded"] {
        let stage = running(Variant::Declines).await;
        let home = stage.end().await;
        lay(&home, Variant::DeclinesAndIsLarge, "1.1.0");
        let daemon = launch().dying_at(arrow).start(&home).await;
        let api = daemon.api();
        let digest = api.extension(GUARD).await["waiting"]["digest"].clone();
        let yes = api.request(reqwest::Method::POST, &format!("/api/agents/extensions/{GUARD}/approve"));
        // It may die before it has answered.
        let _ = api.send(yes.json(&json!({ "digest": digest }))).await;
        assert_eq!(daemon.end().await.signal(), Some(9), "it dies at {arrow}");
        let stage = start(home).await;
        let guard = stage.api.extension(GUARD).await;
        assert_eq!(guard["approved"]["version"], "1.1.0", "killed at {arrow}, after the yes");
        assert_declined(&stage).await;
        assert_nothing_ran(&stage.home, 3);
    }
}

#[tokio::test]
async fn one_can_be_switched_off_and_taken_back_while_no_daemon_runs() {
    let stage = running(Variant::Declines).await;
    let home = stage.end().await;
    let said = ext(&home, &["disable", GUARD]).await;
    assert_eq!(said, format!("{GUARD} disabled; nobody waits for its answer until it is enabled again\n"));
    let stage = start(home).await;
    assert_eq!(stage.api.extension(GUARD).await["state"], "disabled");
    assert_eq!(decided(&stage).await["decision"], "accept");
    let home = stage.end().await;
    assert!(ext(&home, &["revoke", ACCEPTER]).await.starts_with(&format!("{ACCEPTER} revoked")));
    let stage = start(home).await;
    assert_eq!(stage.api.extension(ACCEPTER).await["approved"], Value::Null);
    let frames = stage.until("what was told", |frame| frame["type"] == "extension_revoked").await;
    assert_eq!(of_type(&frames, "extension_disabled")[0]["payload"]["actor"], "user");
}

/// What `ext` says on the data folder of `home`.
async fn ext(home: &Home, words: &[&str]) -> String {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_daemon-under-test"));
    command.arg("ext").args(words).arg("--data-dir").arg(home.data()).env_clear().env("HOME", home.path());
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
