//! What is secret goes to Codex and nowhere else: canaries are sent, and looked for everywhere.

use std::fs;
use std::path::Path;

use codex_manager_tests::{Answer, Api, Fault, Home, Socket};
use reqwest::Method;
use serde_json::{Value, json};

use crate::offline::{Offline, real_codex};
use crate::stage::{Stage, launch};

/// What no file, line, event or error may hold.
const CANARY: &str = "canary-4711-do-not-sing";

/// Requests with a canary in each place where a secret belongs.
fn requests() -> Vec<(&'static str, Value)> {
    let edit = |path: Value, value: Value| json!({"keyPath": path, "mergeStrategy": "replace", "value": value});
    vec![
        ("/api/account/login/start", json!({"type": "apiKey", "apiKey": CANARY})),
        ("/api/account/login/start", json!({"type": "apiKey", "apiKey": {"no text": CANARY}})),
        ("/api/account/login/start", json!({"type": "apiKey", "apiKey": [CANARY]})),
        (
            "/api/account/login/start",
            json!({"type": "chatgptAuthTokens", "accessToken": CANARY, "chatgptAccountId": "acc",
                   "chatgptPlanType": "pro"}),
        ),
        ("/api/config/value", edit(json!(["mcp_servers", "x", "env"]), json!({"OPENAI_API_KEY": CANARY}))),
        ("/api/config/value", edit(json!("approval_policy"), json!(CANARY))),
        ("/api/config/value", edit(json!("mcp_servers.x"), json!({"command": "npx", "env": {"TOKEN": CANARY}}))),
        (
            "/api/config/batch",
            json!({"edits": [edit(json!("model_providers.x.experimental_bearer_token"), json!(CANARY))]}),
        ),
    ]
}

/// Where below `folder` the canary is written.
fn holding(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path));
        } else if fs::read(&path).is_ok_and(|bytes| sings(&bytes)) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn sings(bytes: &[u8]) -> bool {
    bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes())
}

fn assert_silent(home: &Home) {
    let found = holding(&home.data());
    assert!(found.is_empty(), "{found:?}");
    assert!(!sings(&fs::read(home.log()).unwrap()), "the log has it");
}

#[tokio::test]
async fn a_secret_is_in_no_file_of_ours_no_log_no_event_and_no_error() {
    let offline = Offline::start(&real_codex!()).await;
    for (path, body) in requests() {
        let answer = offline.api.post(path, body.clone()).await;
        assert!(!answer.body.to_string().contains(CANARY), "{path} {body}: {}", answer.body);
        assert!([200, 400, 500].contains(&answer.status), "{path} {body}: {}", answer.body);
    }
    let viewer = super::table::bearer(&offline.api, "viewer").await;
    let shown = offline.api.with_bearer(&viewer).get("/api/config?includeLayers=true").await;
    assert!(
        shown.expect(200).to_string().contains("npx") && !shown.body.to_string().contains(CANARY),
        "{}",
        shown.body
    );
    let whole = offline.api.get("/api/config").await;
    assert!(whole.expect(200).to_string().contains(CANARY), "Codex has it, and an administrator sees it");
    let mut socket = Socket::open(&offline.api, "?after=0").await;
    let session = offline.session("never", "read-only").await;
    let turn = offline.api.say(&session, "good day").await;
    let events = socket.until("the turn's end", |frame| crate::stage::ends(frame, &turn)).await;
    assert!(!json!(events).to_string().contains(CANARY));
    assert!(holding(&offline.home.codex_home()).iter().any(|file| file.ends_with("config.toml")), "the canary is one");
    assert_silent(&offline.home);
    let Offline { home, daemon, .. } = offline;
    daemon.stop().await;
    assert_silent(&home);
}

#[tokio::test]
async fn what_a_child_repeats_of_a_secret_is_taken_out() {
    let said = Some(format!("Invalid configuration: I do not like `{CANARY}` at all"));
    let stage = Stage::ready([Fault::Refuse(-32600, said).on("account/login/start")]).await;
    let answer = stage.api.post("/api/account/login/start", json!({"type": "apiKey", "apiKey": CANARY})).await;
    assert_eq!(answer.expect(400)["details"], json!({"method": "account/login/start", "type": "apiKey"}));
    let message = answer.body["message"].as_str().unwrap();
    assert!(message.contains("I do not like `[redacted]` at all"), "{message}");
    assert_eq!(stage.home.received_of("account/login/start")[0]["params"]["apiKey"], CANARY, "Codex had it");
    let home = stage.end().await;
    assert_silent(&home);
}

#[tokio::test]
async fn a_secret_that_a_crash_took_away_is_not_sent_and_its_operation_says_so() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    home.script([Fault::Answer(json!({"type": "apiKey"})).on("account/login/start")]);
    let daemon = launch().dying_at("operation_recorded").start(&home).await;
    let api = daemon.api();
    api.until_codex_is("ready").await;
    assert!(log_in(&api).await.is_err(), "it dies when the operation is recorded");
    daemon.end().await;
    assert_silent(&home);

    let daemon = launch().start(&home).await;
    let api = daemon.api();
    api.until_codex_is("ready").await;
    let again = log_in(&api).await.unwrap();
    assert_eq!((again.status, again.code()), (409, "not_sent"), "{}", again.body);
    assert!(home.received_of("account/login/start").is_empty(), "nothing is sent in its place");
    api.post("/api/account/login/start", key()).await.expect(200);
    assert_eq!(home.received_of("account/login/start").len(), 1);
    assert_silent(&home);
}

fn key() -> Value {
    json!({"type": "apiKey", "apiKey": CANARY})
}

/// Logs in, always as the same request.
async fn log_in(api: &Api) -> reqwest::Result<Answer> {
    let request = api.request(Method::POST, "/api/account/login/start").header("idempotency-key", "login-1");
    api.send(request.json(&key())).await
}
