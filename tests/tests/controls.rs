//! Controls: what a session lets Codex do, who changed them, and what new sessions have.

use codex_manager_tests::{Api, Home};
use serde_json::{Value, json};

use crate::offline::{Offline, real_codex};
use crate::stage::{Stage, launch, of_type, told};

fn path(session: &str) -> String {
    format!("/api/sessions/{session}/session-controls")
}

/// A whole tuple with some members changed.
fn tuple(change: Value) -> Value {
    let mut tuple = json!({
        "model": null, "approvalPolicy": "on-request", "networkAccess": "restricted", "filesystemSandbox": "read-only",
    });
    tuple.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    tuple
}

async fn controls(api: &Api, session: &str) -> Value {
    api.get(&path(session)).await.expect(200).clone()
}

async fn audit(api: &Api, session: &str) -> Vec<Value> {
    let rows = api.transcript(session).await.into_iter();
    rows.filter(|row| row["type"] == "session.controls.updated").collect()
}

#[tokio::test]
async fn case_02_a_new_session_has_the_defaults() {
    let offline = Offline::start(&real_codex!()).await;
    let api = &offline.api;
    let session = api.session(json!({})).await;
    let shown = controls(api, &session).await;
    assert_eq!((&shown["status"], &shown["sessionId"]), (&json!("ok"), &json!(session)));
    assert_eq!(shown["controls"], shown["defaults"]);
    assert_eq!((&shown["defaultsEditable"], &shown["defaultLockReason"]), (&json!(true), &Value::Null));

    let wanted = tuple(json!({ "filesystemSandbox": "workspace-write", "settings": { "theme": "dark" } }));
    let applied = api.post(&path(&session), json!({ "scope": "default", "controls": wanted })).await;
    assert_eq!((&applied.expect(200)["applied"], &applied.body["defaults"]), (&wanted, &wanted));
    assert_eq!(applied.body["controls"], shown["controls"], "the session that is there keeps its own");
    let frames = told(api, "the defaults", |frame| frame["type"] == "defaults_updated");
    assert_eq!(frames.await.last().unwrap()["payload"], json!({ "controls": wanted }));

    let offline = offline.restart().await;
    let later = offline.api.session(json!({ "networkAccess": "enabled" })).await;
    let shown = controls(&offline.api, &later).await;
    assert_eq!(shown["defaults"], wanted);
    let mut expected = wanted;
    expected["networkAccess"] = json!("enabled");
    assert_eq!(shown["controls"], expected, "the stored defaults, and what its creator said");
}

#[tokio::test]
async fn case_03_a_session_that_is_not_there_takes_nothing() {
    let stage = Stage::ready([]).await;
    let whole = json!({ "scope": "session", "controls": tuple(json!({})) });
    for id in ["0fffffff-0000-7000-8000-000000000000", "nobody", "%20", "..%2Fx"] {
        let at = |rest: &str| format!("/api/sessions/{id}/{rest}");
        for (rest, body) in [
            ("approval-policy", json!({ "approvalPolicy": "never" })),
            ("session-controls", whole.clone()),
            ("settings", json!({ "scope": "session", "key": "k", "value": 1 })),
            ("messages", json!({ "text": "good day" })),
            ("approval-policy", json!({})),
            ("session-controls", json!([])),
            ("settings", json!({ "scope": "elsewhere" })),
            ("project", json!({})),
            ("suggested-request/upsert", json!({})),
        ] {
            let refused = stage.api.post(&at(rest), body).await;
            assert_eq!(refused.expect(404)["status"], "not_found", "{rest}");
        }
        for rest in ["session-controls", "settings", "settings?scope=elsewhere"] {
            stage.api.get(&at(rest)).await.expect(404);
        }
        let remove = stage.api.request(reqwest::Method::DELETE, &at("settings/k?scope=elsewhere"));
        stage.api.send(remove).await.unwrap().expect(404);
    }
    let session = stage.session().await;
    let frames = stage.until("the session", |frame| frame.to_string().contains(&session)).await;
    let changed = |frame: &Value| frame["type"].as_str().unwrap().ends_with("_updated");
    assert!(!frames.iter().any(changed), "nothing was stored: {frames:?}");
}

#[tokio::test]
async fn case_04_a_policy_stays_with_the_session() {
    let offline = Offline::start(&real_codex!()).await;
    let api = &offline.api;
    let session = offline.session("untrusted", "danger-full-access").await;
    let policy = format!("/api/sessions/{session}/approval-policy");
    let set = api.post(&policy, json!({ "approvalPolicy": "never" })).await;
    assert_eq!(set.expect(200), &json!({ "status": "ok", "sessionId": session, "approvalPolicy": "never" }));
    assert_eq!(controls(api, &session).await["controls"]["approvalPolicy"], "never");
    assert!(audit(api, &session).await.is_empty(), "the policy alone is not written into the transcript");
    let frames = told(api, "the change", |frame| frame["type"] == "session_controls_updated");
    assert_eq!(frames.await.last().unwrap()["payload"]["controls"]["approvalPolicy"], "never");
    assert!(offline.ask(&session, "::exec echo did it").await.contains("did it"), "and it is what Codex is told");

    let send =
        json!({ "text": "::exec touch x", "approvalPolicy": "untrusted", "filesystemSandbox": "workspace-write" });
    api.post(&format!("/api/sessions/{session}/messages"), send).await.expect(202);
    let approval = api.until_asked(&session).await;
    let now = controls(api, &session).await["controls"].clone();
    assert_eq!((&now["approvalPolicy"], &now["filesystemSandbox"]), (&json!("untrusted"), &json!("workspace-write")));
    api.decide(&approval, "decline").await.expect(200);
    api.post(&policy, json!({ "approvalPolicy": "on-failure" })).await.expect(200);
    assert_eq!(controls(api, &session).await["controls"]["approvalPolicy"], "on-failure");
}

#[tokio::test]
async fn case_05_controls_are_applied_once() {
    let offline = Offline::start(&real_codex!()).await;
    let api = &offline.api;
    let session = offline.session("untrusted", "read-only").await;
    let wanted = tuple(json!({ "model": " gpt-5.5 ", "settings": { "b": 1, "a": { "y": 1, "x": 2 } } }));
    let applied = api.post(&path(&session), json!({ "scope": "session", "controls": wanted })).await;
    let mut expected = wanted.clone();
    expected["model"] = json!("gpt-5.5");
    let body = applied.expect(200);
    assert_eq!((&body["status"], &body["scope"]), (&json!("ok"), &json!("session")));
    assert_eq!((&body["applied"], &body["controls"]), (&expected, &expected));
    assert_eq!(body["summary"], "gpt-5.5 | on-request | restricted | read-only");
    assert_ne!(body["defaults"], expected);

    // The same in another order, written out by hand: text that is made by the program has an order of its own.
    let again = r#"{"scope":"session","controls":{"settings":{"a":{"x":2,"y":1},"b":1},"filesystemSandbox":"read-only",
        "networkAccess":"restricted","approvalPolicy":"on-request","model":"gpt-5.5"}}"#;
    let request = api.request(reqwest::Method::POST, &path(&session)).header("content-type", "application/json");
    let again = api.send(request.body(again)).await.unwrap();
    assert_eq!((again.expect(200)["status"].as_str(), &again.body["applied"]), (Some("unchanged"), &expected));
    assert_eq!(audit(api, &session).await.len(), 1, "what changed nothing leaves no row");
    let offline = offline.restart().await;
    assert_eq!(controls(&offline.api, &session).await["controls"], expected);
}

#[tokio::test]
async fn case_09_locked_defaults_stay_as_they_are() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let daemon = launch().variable("SESSION_DEFAULTS_LOCKED", "true").start(&home).await;
    let stage = Stage::of(home, daemon);
    stage.api.until_codex_is("ready").await;
    let (api, session) = (&stage.api, stage.session().await);
    let before = controls(api, &session).await;
    assert_eq!(before["defaultsEditable"], false);
    assert_eq!(before["defaultLockReason"], "Managed by harness configuration");

    let wanted = tuple(json!({ "networkAccess": "enabled" }));
    let locked = api.post(&path(&session), json!({ "scope": "default", "controls": wanted })).await;
    let body = locked.expect(423);
    assert_eq!((&body["status"], &body["scope"]), (&json!("locked"), &json!("default")));
    assert_eq!(body["message"], "Managed by harness configuration");
    for member in ["sessionId", "controls", "defaults", "defaultsEditable", "defaultLockReason"] {
        assert_eq!(body[member], before[member], "{member}");
    }
    let settings = format!("/api/sessions/{session}/settings");
    let locked = api.post(&settings, json!({ "scope": "default", "key": "k", "value": 1 })).await;
    let body = locked.expect(423);
    assert_eq!(
        (&body["status"], &body["sessionId"], &body["settings"]),
        (&json!("locked"), &json!(session), &json!({}))
    );
    let remove = api.request(reqwest::Method::DELETE, &format!("{settings}/k?scope=default"));
    assert_eq!(api.send(remove).await.unwrap().expect(423)["status"], "locked");
    assert_eq!(controls(api, &session).await, before);

    let own = api.post(&path(&session), json!({ "scope": "session", "controls": wanted })).await;
    assert_eq!(own.expect(200)["status"], "ok");
    api.post(&settings, json!({ "scope": "session", "key": "k", "value": 1 })).await.expect(200);
}

#[tokio::test]
async fn case_10_who_changed_what_stays_in_the_transcript() {
    let offline = Offline::start(&real_codex!()).await;
    let api = &offline.api;
    let session = offline.session("untrusted", "read-only").await;
    let before = controls(api, &session).await["controls"].clone();
    let (first, second) = (tuple(json!({})), tuple(json!({ "networkAccess": "enabled" })));
    let said = json!({ "scope": "session", "controls": first, "actor": "Ada", "source": "phone" });
    api.post(&path(&session), said).await.expect(200);
    api.post(&path(&session), json!({ "scope": "default", "controls": second })).await.expect(200);
    let rows = audit(api, &session).await;
    assert_eq!(rows.len(), 2, "{rows:?}");
    let details = |row: &Value| -> Value { serde_json::from_str(row["details"].as_str().unwrap()).unwrap() };
    let mut first = first;
    first["settings"] = json!({});
    let row = details(&rows[0]);
    assert_eq!((&row["actor"], &row["source"], &row["scope"]), (&json!("Ada"), &json!("phone"), &json!("session")));
    assert_eq!((&row["previous"], &row["next"]), (&before, &first));
    assert!(row["by"].as_str().unwrap().starts_with("token:"), "what a client says of itself is a label: {row}");
    let row = details(&rows[1]);
    assert_eq!((&row["actor"], &row["source"], &row["scope"]), (&json!("user"), &json!("ui"), &json!("default")));
    for row in &rows {
        assert_eq!((&row["turnId"], &row["role"]), (&json!("session-controls"), &json!("system")));
        assert_eq!(row["status"], "complete");
    }
    let frames = told(api, "the defaults", |frame| frame["type"] == "defaults_updated");
    let frames = frames.await;
    let told = of_type(&frames, "session_controls_updated");
    let expected = json!({ "sessionId": session, "scope": "session", "controls": first });
    assert_eq!(told.iter().map(|frame| &frame["payload"]).collect::<Vec<_>>(), [&expected]);
}

/// Controls are a part of their session, so none are left over, and a start has none to look for.
#[tokio::test]
async fn case_18_no_controls_outlive_their_session() {
    let offline = Offline::start(&real_codex!()).await;
    let api = &offline.api;
    let session = offline.session("untrusted", "read-only").await;
    let canary = tuple(json!({ "model": "canary-of-controls", "settings": { "canary-of-settings": true } }));
    api.post(&path(&session), json!({ "scope": "session", "controls": canary })).await.expect(200);
    let delete = api.request(reqwest::Method::DELETE, &format!("/api/sessions/{session}"));
    api.send(delete).await.unwrap().expect(200);
    let offline = offline.restart().await;
    offline.api.get(&path(&session)).await.expect(410);
    let store = std::fs::read(offline.home.data().join("store.sqlite3")).unwrap();
    for canary in ["canary-of-controls", "canary-of-settings"] {
        assert!(!store.windows(canary.len()).any(|window| window == canary.as_bytes()), "{canary} is left");
    }
}

#[tokio::test]
async fn case_63_half_a_tuple_and_odd_words_are_refused() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    let whole = json!({ "scope": "session", "controls": tuple(json!({})) });
    for member in ["model", "approvalPolicy", "networkAccess", "filesystemSandbox"] {
        let mut half = whole.clone();
        half["controls"].as_object_mut().unwrap().remove(member);
        let refused = stage.api.post(&path(&session), half).await;
        assert_eq!(refused.expect(400)["issues"][0]["path"], json!(["controls", member]));
    }
    let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
    for (change, at) in [
        (json!({ "scope": "everywhere" }), json!(["scope"])),
        (json!({ "actor": "x".repeat(121) }), json!(["actor"])),
        (json!({ "actor": "" }), json!(["actor"])),
        (json!({ "source": "x".repeat(65) }), json!(["source"])),
        (json!({ "controls": tuple(json!({ "model": "x".repeat(201) })) }), json!(["controls", "model"])),
        (json!({ "controls": tuple(json!({ "approvalPolicy": "sometimes" })) }), json!(["controls", "approvalPolicy"])),
        (
            json!({ "controls": tuple(json!({ "settings": { "k": "x".repeat(40_000) } })) }),
            json!(["controls", "settings"]),
        ),
        (json!({ "controls": tuple(json!({ "settings": { "k": deep } })) }), json!(["controls", "settings"])),
        (json!({ "controls": tuple(json!({ "settings": { "": 1 } })) }), json!(["controls", "settings"])),
    ] {
        let mut body = whole.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let refused = stage.api.post(&path(&session), body).await;
        assert_eq!(refused.expect(400)["issues"][0]["path"], at, "{}", refused.body);
    }
    let policy =
        stage.api.post(&format!("/api/sessions/{session}/approval-policy"), json!({ "approvalPolicy": "no" })).await;
    assert_eq!(policy.expect(400)["issues"][0]["path"], json!(["approvalPolicy"]));
    assert_eq!(controls(&stage.api, &session).await["controls"]["approvalPolicy"], "untrusted");
}
