//! Extensions from outside: who may do what, what a yes is about, and what is said of drops that are no good.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use codex_manager_tests::{Answer, Api, Daemon, Home, Socket, soon};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::stage::{launch, of_type};

const ALL: &str = "/api/agents/extensions";
const ONE: &str = "/api/agents/extensions/acme.guard";
const HANDLER: &str = "codex-manager:on-event/handler@1.0.0";
pub(crate) const GOOD: &str = r#"manifest = 1

[extension]
id = "acme.guard"
version = "1.0.0"
name = "Guard"
description = "Guards."
component = "guard.wasm"

[handlers.on-event]
kinds = ["transcript_updated"]

[actions]
"approval.decline" = { reason = "Guards." }
"#;

/// A folder's name, its manifest and its component; what is wrong with it, and what to do.
type Bad<'a> = (&'a str, Option<String>, &'a [u8], &'a str, &'a str);

/// A component with these imports and exports, and nothing in it.
fn component(imports: &[&str], exports: &[&str]) -> Vec<u8> {
    let imports: String = imports.iter().map(|name| format!("(import {name:?} (instance))")).collect();
    let exports = exports.iter().enumerate();
    let instance = r#"(export "handle" (func $handle))"#;
    let exports: String =
        exports.map(|(at, name)| format!("(instance $e{at} {instance}) (export {name:?} (instance $e{at}))")).collect();
    let handle = r#"(core module $m (func (export "f"))) (core instance $i (instantiate $m))
        (func $handle (canon lift (core func $i "f")))"#;
    wat::parse_str(format!("(component {imports} {handle} {exports})")).unwrap()
}

fn lay(folder: &Path, manifest: &str, component: &[u8]) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("extension.toml"), manifest).unwrap();
    fs::write(folder.join("guard.wasm"), component).unwrap();
}

/// Drops the guard where a daemon on this home looks for extensions.
pub(crate) fn drop_guard(home: &Home, manifest: &str) {
    lay(&home.project().join("extensions/guard"), manifest, &component(&[], &[HANDLER]));
}

/// A home whose daemon looks for extensions in `extensions` of the folder that it is started in.
struct Place {
    home: Home,
}

impl Place {
    fn new() -> Self {
        Self { home: Home::new(env!("CARGO_TARGET_TMPDIR")) }
    }

    fn drops(&self) -> PathBuf {
        self.home.project().join("extensions")
    }

    fn drop_guard(&self, manifest: &str) {
        drop_guard(&self.home, manifest);
    }

    async fn start(&self) -> Daemon {
        launch().start(&self.home).await
    }

    /// The command line, of the daemon on this home, without a terminal.
    async fn ext(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_daemon-under-test"));
        command.arg("ext").args(arguments).arg("--data-dir").arg(self.home.data());
        for inherited in ["CODEX_MANAGER_API_BASE", "CODEX_MANAGER_BEARER_TOKEN"] {
            command.env_remove(inherited);
        }
        soon("the command line", command.stdin(Stdio::null()).kill_on_drop(true).output()).await.unwrap()
    }

    async fn ext_says(&self, arguments: &[&str]) -> String {
        let output = self.ext(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

async fn waiting(api: &Api) -> Value {
    api.get(ONE).await.expect(200)["extension"]["waiting"]["digest"].clone()
}

async fn approve(api: &Api, digest: &Value) -> Answer {
    api.post(&format!("{ONE}/approve"), json!({ "digest": digest })).await
}

async fn bearer(api: &Api, role: &str) -> Api {
    let made = api.post("/api/tokens", json!({ "role": role, "name": role })).await;
    api.with_bearer(made.expect(200)["secret"].as_str().unwrap())
}

#[tokio::test]
async fn each_route_is_for_its_role() {
    let place = Place::new();
    place.drop_guard(GOOD);
    let daemon = place.start().await;
    let admin = daemon.api();
    let (viewer, operator) = (bearer(&admin, "viewer").await, bearer(&admin, "operator").await);
    let digest = waiting(&admin).await;
    let reads = ["", "/acme.guard", "/acme.guard/invocations"];
    let acts = ["/acme.guard/approve", "/acme.guard/disable", "/acme.guard/enable", "/reload"];
    for path in reads {
        viewer.get(&format!("{ALL}{path}")).await.expect(200);
        let nobody = viewer.send(viewer.with_bearer("x").request(Method::GET, &format!("{ALL}{path}"))).await.unwrap();
        assert_eq!(nobody.status, 401, "{path}");
    }
    for path in acts {
        let body = if path.ends_with("approve") { json!({ "digest": digest }) } else { json!({}) };
        for lower in [&viewer, &operator] {
            let refused = lower.post(&format!("{ALL}{path}"), body.clone()).await;
            assert_eq!((refused.status, refused.code()), (403, "insufficient_role"), "{path}");
            assert_eq!(refused.body["required"], json!(["admin"]));
        }
        admin.post(&format!("{ALL}{path}"), body).await.expect(200);
    }
    for lower in [&viewer, &operator] {
        let refused = lower.send(lower.request(Method::DELETE, ONE)).await.unwrap();
        assert_eq!((refused.status, refused.code()), (403, "insufficient_role"));
    }
    admin.send(admin.request(Method::DELETE, ONE)).await.unwrap().expect(200);
}

#[tokio::test]
async fn a_yes_is_about_what_was_shown_and_nothing_else() {
    let place = Place::new();
    place.drop_guard(GOOD);
    let daemon = place.start().await;
    let api = daemon.api();
    let first = waiting(&api).await;
    place.drop_guard(&GOOD.replace("1.0.0", "1.1.0"));
    let second = waiting(&api).await;
    assert_ne!(first, second);
    let refused = approve(&api, &first).await;
    assert_eq!((refused.status, refused.code()), (409, "extension_changed"), "{}", refused.body);
    assert_eq!((&refused.body["shown"], &refused.body["found"]), (&first, &second));
    assert!(refused.body["hint"].is_string());
    assert_eq!(api.get(ALL).await.expect(200)["modules"], json!([]));

    approve(&api, &second).await.expect(200);
    let mut stream = Socket::open(&api, "?after=0").await;
    let frames = stream.until("the approval", |frame| is(frame, "extension_approved")).await;
    let told = &of_type(&frames, "extension_approved")[0]["payload"];
    assert_eq!(
        (&told["extensionId"], &told["digest"], &told["version"]),
        (&json!("acme.guard"), &second, &json!("1.1.0"))
    );
    assert!(told["actor"].as_str().unwrap().starts_with("token:"), "{told}");
    let listed = api.get(ALL).await;
    let module = &listed.expect(200)["modules"][0];
    assert_eq!((&module["agentId"], &module["events"]), (&json!("acme.guard"), &json!(["transcript_updated"])));
}

#[tokio::test]
async fn what_was_revoked_waits_for_a_yes_again() {
    let place = Place::new();
    place.drop_guard(GOOD);
    let daemon = place.start().await;
    let api = daemon.api();
    let revoke = async |path: &str| api.send(api.request(Method::DELETE, path)).await.unwrap();
    let refused = revoke(ONE).await;
    assert_eq!((refused.status, refused.code()), (409, "not_approved"), "{}", refused.body);
    let refused = revoke(&format!("{ALL}/acme.nobody")).await;
    assert_eq!((refused.status, refused.code()), (404, "extension_not_found"), "{}", refused.body);

    let digest = waiting(&api).await;
    approve(&api, &digest).await.expect(200);
    assert!(place.ext_says(&["revoke", "acme.guard"]).await.contains("what it has kept stays"));
    let mut stream = Socket::open(&api, "?after=0").await;
    let frames = stream.until("the revocation", |frame| is(frame, "extension_revoked")).await;
    let told = &of_type(&frames, "extension_revoked")[0]["payload"];
    assert_eq!((&told["extensionId"], &told["digest"]), (&json!("acme.guard"), &digest));
    let listed = api.get(ALL).await.expect(200).clone();
    assert_eq!((&listed["modules"], &listed["extensions"][0]["approved"]), (&json!([]), &Value::Null));
    assert!(words(&place.ext_says(&["list"]).await).contains("acme.guard - 1.0.0 pending"));
    daemon.stop().await;
    let daemon = place.start().await;
    assert_eq!(waiting(&daemon.api()).await, digest);
}

#[tokio::test]
async fn what_was_approved_stays_while_other_code_waits_also_over_a_restart() {
    let place = Place::new();
    place.drop_guard(GOOD);
    let daemon = place.start().await;
    let first = waiting(&daemon.api()).await;
    approve(&daemon.api(), &first).await.expect(200);
    let more = GOOD.replace("1.0.0", "1.1.0") + "\"approval.accept\" = { reason = \"Saves you a click.\" }\n";
    place.drop_guard(&more);
    daemon.stop().await;
    let daemon = place.start().await;
    let shown = daemon.api().get(ONE).await.expect(200)["extension"].clone();
    assert_eq!((&shown["approved"]["digest"], &shown["approved"]["version"]), (&first, &json!("1.0.0")));
    let sentence = "asks for other grants; 1.0.0 keeps running until this is approved";
    assert_eq!(shown["waiting"]["sentence"], sentence);
    let screen = words(&place.ext_says(&["show", "acme.guard"]).await);
    for told in [sentence, "new action approval.accept", "why \"Saves you a click.\"", "Codex is"] {
        assert!(screen.contains(told), "{told} in {screen}");
    }
    drop(daemon);
}

#[tokio::test]
async fn off_and_on_last_over_restarts_and_are_told_once() {
    let place = Place::new();
    place.drop_guard(GOOD);
    let mut daemon = place.start().await;
    let digest = waiting(&daemon.api()).await;
    let early = daemon.api().post(&format!("{ONE}/enable"), json!({})).await;
    assert_eq!((early.status, early.code()), (409, "not_approved"));
    approve(&daemon.api(), &digest).await.expect(200);
    for (verb, state, running) in [("disable", "disabled", 0), ("enable", "enabled", 1)] {
        for _ in 0..2 {
            let said = place.ext_says(&[verb, "acme.guard"]).await;
            assert!(said.starts_with(&format!("acme.guard {verb}d")), "{said}");
        }
        daemon.stop().await;
        daemon = place.start().await;
        let listed = daemon.api().get(ALL).await.expect(200).clone();
        assert_eq!(listed["extensions"][0]["approved"]["standing"]["state"], state);
        assert_eq!(listed["modules"].as_array().unwrap().len(), running, "{state}");
    }
    let mut stream = Socket::open(&daemon.api(), "?after=0").await;
    let frames = stream.until("the last change", |frame| is(frame, "extension_enabled")).await;
    assert_eq!(of_type(&frames, "extension_disabled").len(), 1);
}

#[tokio::test]
async fn each_bad_drop_is_named_with_its_next_step_and_stops_no_other() {
    let place = Place::new();
    let (good, kv) = (component(&[], &[HANDLER]), component(&["codex-manager:kv/store@1.0.0"], &[HANDLER]));
    let of = |name: &str| GOOD.replace("acme.guard", &format!("acme.{name}"));
    let drops: [Bad<'_>; 10] = [
        ("no-manifest", None, &good, "there is no extension.toml", "add an extension.toml"),
        ("broken-toml", Some("manifest = ".to_owned()), &good, "not TOML: line 1", "mend line 1"),
        ("unknown-key", Some(of("x") + "[surprise]\n"), &good, "unknown key `surprise`", "correct these lines"),
        ("not-wasm", Some(of("not-wasm")), b"good day", "not WebAssembly", "build the component again"),
        ("truncated", Some(of("truncated")), &good[..good.len() - 3], "ends too early", "copy the file again"),
        ("undeclared", Some(of("undeclared")), &kv, "uses kv without asking", "add [capabilities.kv]"),
        ("no-handler", Some(of("no-handler")), &component(&[], &[]), "exports no handler", "export a handler"),
        (
            "wrong-major",
            Some(of("wrong-major")),
            &component(&[], &["codex-manager:on-event/handler@2.0.0"]),
            "built against",
            "version 1 of",
        ),
        ("twin-a", Some(of("twin")), &good, "more than one folder", "keep one of the folders"),
        ("twin-b", Some(of("twin")), &good, "more than one folder", "keep one of the folders"),
    ];
    for (name, manifest, component, ..) in &drops {
        let folder = place.drops().join(name);
        lay(&folder, manifest.as_deref().unwrap_or_default(), component);
        if manifest.is_none() {
            fs::remove_file(folder.join("extension.toml")).unwrap();
        }
    }
    place.drop_guard(GOOD);
    let daemon = place.start().await;
    let list = place.ext_says(&["list"]).await;
    let told = entries(&list);
    assert_eq!(told.len(), drops.len() + 1, "{list}");
    for (name, _, _, fault, step) in &drops {
        let name = format!("extensions/{name}");
        let entry = told
            .iter()
            .find(|entry| entry.replace(' ', "").contains(&name))
            .unwrap_or_else(|| panic!("{name} in\n{list}"));
        for words in ["faulty", fault, step] {
            assert!(entry.contains(words), "{words} in {entry}");
        }
    }
    let digest = waiting(&daemon.api()).await;
    approve(&daemon.api(), &digest).await.expect(200);
    let twin = daemon.api().post(&format!("{ALL}/acme.twin/approve"), json!({ "digest": digest })).await;
    assert_eq!((twin.status, twin.code()), (409, "extension_faulty"));

    let failed = daemon.api().post(&format!("{ALL}/reload"), json!({})).await;
    assert_eq!((failed.status, failed.code()), (400, "reload_failed"));
    assert_eq!(failed.body["errors"].as_array().unwrap().len(), drops.len());
    let listed = daemon.api().get(ALL).await;
    assert_eq!(failed.body["snapshotVersion"], listed.expect(200)["snapshotVersion"]);
    assert_eq!(listed.body["modules"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_broken_after_a_yes_is_told_in_the_row_of_what_runs_and_its_screen_stays() {
    let place = Place::new();
    let daemon = place.start().await;
    let roots = daemon.api().get(ALL).await.expect(200)["roots"].clone();
    assert_eq!(roots, json!([{ "folder": place.drops(), "isThere": false }]));
    let list = words(&place.ext_says(&["list"]).await);
    assert!(list.starts_with("nothing was dropped") && list.contains(", which is not there"), "{list}");
    place.drop_guard(GOOD);
    let digest = waiting(&daemon.api()).await;
    approve(&daemon.api(), &digest).await.expect(200);
    daemon.api().until_extension_is("acme.guard", "running").await;
    for broken in ["surprise = 1\n".to_owned() + GOOD, GOOD.to_owned() + "["] {
        place.drop_guard(&broken);
        let list = place.ext_says(&["list"]).await;
        let [row] = &entries(&list)[..] else { panic!("{list}") };
        for told in ["acme.guard 1.0.0 - running", "fault extension.toml: ", "mend "] {
            assert!(row.contains(told), "{told} in {row}");
        }
        let screen = words(&place.ext_says(&["show", "acme.guard"]).await);
        for told in ["Guards.", "It may (in quotes", "It hears each row that is written into a transcript"] {
            assert!(screen.contains(told), "{told} in {screen}");
        }
    }
}

#[tokio::test]
async fn a_reload_without_fault_names_what_runs_anew() {
    let place = Place::new();
    place.drop_guard(GOOD);
    let daemon = place.start().await;
    let api = daemon.api();
    let digest = waiting(&api).await;
    approve(&api, &digest).await.expect(200);
    let before = api.get(ALL).await.expect(200)["snapshotVersion"].clone();
    let reloaded = api.post(&format!("{ALL}/reload"), json!({})).await.expect(200).clone();
    assert_eq!((&reloaded["loadedCount"], &reloaded["failedCount"]), (&json!(1), &json!(0)));
    assert_eq!(reloaded["modules"][0]["agentId"], "acme.guard");
    let after = api.get(ALL).await.expect(200)["snapshotVersion"].clone();
    assert_eq!((&after, after == before), (&reloaded["snapshotVersion"], false));
    // What cannot be an id is nobody's either.
    for path in ["acme.nobody", "acme.nobody/invocations", "nobody"] {
        api.get(&format!("{ALL}/{path}")).await.expect(404);
    }
}

#[tokio::test]
async fn without_a_terminal_a_yes_needs_the_digest() {
    let place = Place::new();
    place.drop_guard(GOOD);
    let daemon = place.start().await;
    let digest = waiting(&daemon.api()).await;
    let digest = digest.as_str().unwrap();
    let other = digest.replace(&digest[7..12], "00000");
    for (arguments, code, told) in [
        (&["approve", "acme.guard"][..], 2, format!("--digest {digest}")),
        (&["approve", "acme.guard", "--digest", &other], 4, "changed while it was being approved".to_owned()),
        (&["approve", "acme.nobody"], 3, "ext list".to_owned()),
        (&["approve", "acme.guard", "--digest", digest], 0, "Guards.".to_owned()),
        (&["approve", "acme.guard"], 4, "nothing of acme.guard waits".to_owned()),
    ] {
        let output = place.ext(arguments).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(&told), "{told} in:\n{said}");
    }
    daemon.api().until_extension_is("acme.guard", "running").await;
    assert!(words(&place.ext_says(&["list"]).await).contains("acme.guard 1.0.0 - running"));
    assert_eq!(place.ext_says(&["logs", "acme.guard"]).await, "it was told of nothing yet\n");
    let json = place.ext_says(&["list", "--json"]).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["extensions"], daemon.api().get(ALL).await.expect(200)["extensions"]);
}

#[tokio::test]
async fn a_folder_that_several_roots_lead_to_counts_once_and_the_data_folder_is_none() {
    let place = Place::new();
    let elsewhere = place.home.path().join("elsewhere");
    lay(&elsewhere.join("guard"), GOOD, &component(&[], &[HANDLER]));
    let daemon = launch()
        .option("--extensions", &elsewhere)
        .variable("AGENT_EXTENSION_CONFIGURED_ROOTS", "../elsewhere:../elsewhere/guard")
        .variable("AGENT_EXTENSION_PACKAGE_ROOTS", "extensions:/nowhere")
        .start(&place.home)
        .await;
    let listed = daemon.api().get(ALL).await.expect(200)["extensions"].clone();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["fault"]), (1, &Value::Null), "{listed}");
    daemon.stop().await;

    let approved = place.home.data().join("extensions/approved");
    let Err(refusal) = launch().option("--extensions", &approved).try_start(&place.home).await else {
        panic!("it started");
    };
    assert_eq!(refusal.status.code(), Some(2));
    assert!(refusal.log.contains("lies in the data folder"), "{}", refusal.log);
}

fn is(frame: &Value, kind: &str) -> bool {
    frame["type"] == kind
}

/// The words without the places where lines end.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a list says of each: its row and the indented lines below, joined. Long words are cut where a line ends.
fn entries(list: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for line in list.lines().skip(1) {
        match entries.last_mut() {
            Some(entry) if line.starts_with("  ") => *entry += &format!(" {}", words(line)),
            _ => entries.push(words(line)),
        }
    }
    entries
}
