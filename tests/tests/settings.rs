//! Settings: free values that clients keep with a session, or for new ones.

use codex_manager_tests::{Answer, Api};
use reqwest::Method;
use serde_json::{Value, json};

use crate::offline::{Offline, real_codex};
use crate::stage::{Stage, of_type, told};

fn path(session: &str) -> String {
    format!("/api/sessions/{session}/settings")
}

async fn settings(api: &Api, session: &str, query: &str) -> Value {
    api.get(&format!("{}{query}", path(session))).await.expect(200).clone()
}

async fn remove(api: &Api, session: &str, key: &str) -> Answer {
    api.send(api.request(Method::DELETE, &format!("{}/{key}", path(session)))).await.unwrap()
}

#[tokio::test]
async fn case_06_a_setting_is_kept_read_and_removed() {
    let offline = Offline::start(&real_codex!()).await;
    let api = &offline.api;
    let session = offline.session("never", "read-only").await;
    for value in [json!({ "deep": [1, null] }), json!("text"), json!(false), Value::Null] {
        let set = api.post(&path(&session), json!({ "scope": "session", "key": "my key", "value": value })).await;
        let expected = json!({
            "status": "ok", "sessionId": session, "scope": "session", "key": "my key", "settings": { "my key": value },
        });
        assert_eq!(set.expect(200), &expected);
        let one = json!({
            "status": "ok", "sessionId": session, "scope": "session", "key": "my key", "found": true, "value": value,
        });
        assert_eq!(settings(api, &session, "?scope=session&key=my%20key").await, one);
    }
    let offline = offline.restart().await;
    let api = &offline.api;
    assert_eq!(settings(api, &session, "").await["settings"], json!({ "my key": null }));
    for (status, removed) in [("ok", true), ("unchanged", false)] {
        let gone = remove(api, &session, "my%20key?actor=Ada&source=phone").await;
        let expected = json!({
            "status": status, "sessionId": session, "scope": "session", "key": "my key", "removed": removed, "settings": {},
        });
        assert_eq!(gone.expect(200), &expected);
    }
    let none = settings(api, &session, "?key=my%20key").await;
    assert_eq!((&none["found"], &none["value"]), (&json!(false), &Value::Null));

    let rows = api.transcript(&session).await;
    let last = rows.iter().rfind(|row| row["type"] == "session.controls.updated").unwrap();
    let details: Value = serde_json::from_str(last["details"].as_str().unwrap()).unwrap();
    assert_eq!((&details["actor"], &details["source"]), (&json!("Ada"), &json!("phone")));
    assert_eq!(
        (&details["previous"]["settings"], &details["next"]["settings"]),
        (&json!({ "my key": null }), &json!({}))
    );
    let frames = told(api, "the end", |frame| {
        frame["type"] == "session_settings_updated" && frame["payload"]["settings"] == json!({})
    });
    let frames = frames.await;
    let told = of_type(&frames, "session_settings_updated");
    assert_eq!(told.len(), 5, "what changed nothing is not told");
    assert_eq!(told[4]["payload"], json!({ "sessionId": session, "scope": "session", "settings": {} }));
}

#[tokio::test]
async fn case_07_it_is_clear_what_to_keep_or_nothing_is() {
    let stage = Stage::ready([]).await;
    let (api, session) = (&stage.api, stage.session().await);
    for body in [
        json!({ "scope": "session" }),
        json!({ "scope": "session", "key": "k" }),
        json!({ "scope": "session", "value": 1 }),
        json!({ "scope": "session", "key": "k", "settings": {} }),
        json!({ "scope": "session", "key": "k", "value": 1, "settings": {} }),
        json!({ "scope": "session", "settings": [] }),
        json!({ "scope": "session", "settings": {}, "mode": "mix" }),
        json!({ "scope": "session", "key": "", "value": 1 }),
        json!({ "scope": "session", "key": "x".repeat(201), "value": 1 }),
        json!({ "scope": "session", "key": "k", "value": "x".repeat(40_000) }),
        json!({ "key": "k", "value": 1 }),
    ] {
        let refused = api.post(&path(&session), body.clone()).await;
        assert_eq!(refused.expect(400)["code"], "invalid_request", "{body}");
        assert!(refused.body["issues"][0]["path"].is_array(), "{body}: {}", refused.body);
    }
    for query in ["?scope=both", "?key=a&key=b"] {
        api.get(&format!("{}{query}", path(&session))).await.expect(400);
    }
    assert_eq!(settings(api, &session, "").await["settings"], json!({}));
}

/// As the document says: what 64 bits can hold is kept, and of anything else the answer has what is kept of it.
#[tokio::test]
async fn numbers_are_kept_as_far_as_64_bits_go() {
    let stage = Stage::ready([]).await;
    let (api, path) = (&stage.api, path(&stage.session().await));
    for (written, kept) in [
        ("18446744073709551615", json!(u64::MAX)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("18446744073709551617", json!(18_446_744_073_709_551_616.0)),
        ("0.1", json!(0.1)),
    ] {
        let body = format!(r#"{{ "scope": "session", "key": "k", "value": {written} }}"#);
        let request = api.request(Method::POST, &path).header("content-type", "application/json").body(body);
        assert_eq!(api.send(request).await.unwrap().expect(200)["settings"]["k"], kept, "{written}");
    }
}

#[tokio::test]
async fn case_08_others_stay_or_go_as_is_said() {
    let offline = Offline::start(&real_codex!()).await;
    let api = &offline.api;
    let session = offline.session("never", "read-only").await;
    for (scope, body, expected) in [
        ("session", json!({ "settings": { "a": 1, "b": { "x": 1 } } }), json!({ "a": 1, "b": { "x": 1 } })),
        ("session", json!({ "settings": { "b": { "y": 2 } }, "mode": "merge" }), json!({ "a": 1, "b": { "y": 2 } })),
        ("session", json!({ "key": "c", "value": 3 }), json!({ "a": 1, "b": { "y": 2 }, "c": 3 })),
        ("default", json!({ "settings": { "d": 4 } }), json!({ "d": 4 })),
        ("session", json!({ "settings": { "c": 3 }, "mode": "replace" }), json!({ "c": 3 })),
    ] {
        let mut body = body;
        body["scope"] = json!(scope);
        assert_eq!(api.post(&path(&session), body).await.expect(200)["settings"], expected);
    }
    let controls = format!("/api/sessions/{session}/session-controls");
    let tuple = |settings: Option<Value>| {
        let mut tuple = json!({
            "model": null, "approvalPolicy": "never", "networkAccess": "enabled", "filesystemSandbox": "read-only",
        });
        tuple.as_object_mut().unwrap().extend(settings.map(|settings| ("settings".to_owned(), settings)));
        json!({ "scope": "session", "controls": tuple })
    };
    assert_eq!(api.post(&controls, tuple(None)).await.expect(200)["applied"]["settings"], json!({ "c": 3 }));
    assert_eq!(api.post(&controls, tuple(Some(json!({})))).await.expect(200)["applied"]["settings"], json!({}));
    assert_eq!(settings(api, &session, "?scope=default").await["settings"], json!({ "d": 4 }));

    let said = offline.ask(&session, "good day").await;
    assert!(said.contains("good day"));
    let later = offline.session("never", "read-only").await;
    assert_eq!(
        settings(api, &later, "").await["settings"],
        json!({ "d": 4 }),
        "a new session begins with the defaults"
    );
}

/// A turn that begins while somebody changes the settings does not bring the old ones back.
#[tokio::test]
async fn a_message_changes_no_settings() {
    let offline = Offline::start(&real_codex!()).await;
    let api = &offline.api;
    let session = offline.session("never", "read-only").await;
    let messages = format!("/api/sessions/{session}/messages");
    let (sent, ()) =
        tokio::join!(api.post(&messages, json!({ "text": "good day", "networkAccess": "enabled" })), async {
            for value in 0..20 {
                api.post(&path(&session), json!({ "scope": "session", "key": "k", "value": value })).await.expect(200);
            }
        });
    sent.expect(202);
    assert_eq!(settings(api, &session, "").await["settings"], json!({ "k": 19 }));
    let controls = api.get(&format!("/api/sessions/{session}/session-controls")).await;
    assert_eq!(controls.expect(200)["controls"]["networkAccess"], "enabled");
}
