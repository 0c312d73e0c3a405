//! Bad input gets a clear answer and changes nothing; nobody comes in without a token.

use codex_manager_tests::{Answer, Socket};
use reqwest::Method;
use serde_json::json;

use crate::stage::Stage;

fn assert_problem(answer: &Answer, status: u16) {
    let body = answer.expect(status);
    for member in ["type", "title", "status", "code", "message", "requestId"] {
        assert!(body[member].is_string(), "{member} in {body}");
    }
    assert_eq!(answer.headers["content-type"], "application/problem+json");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_never_sent() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    let api = &stage.api;
    let messages = format!("/api/sessions/{session}/messages");
    let post = |path: &str, body: &str| {
        api.request(Method::POST, path).header("content-type", "application/json").body(body.to_owned())
    };
    for (path, body, status) in [
        (messages.as_str(), "{\"text\":", 400),
        (messages.as_str(), "{}", 400),
        (messages.as_str(), "{\"text\":\"  \"}", 400),
        (messages.as_str(), "{\"text\":7}", 400),
        ("/api/sessions", "{\"approvalPolicy\":\"sometimes\"}", 400),
        ("/api/sessions", "{\"cwd\":\"relative\"}", 400),
        ("/api/sessions", "{\"cwd\":\"/nowhere/at/all\"}", 400),
        ("/api/sessions/nobody/messages", "{\"text\":\"good day\"}", 404),
        ("/api/sessions/0fffffff-0000-7000-8000-000000000000/messages", "{\"text\":\"good day\"}", 404),
        ("/api/approvals/apr_nobody/decision", "{\"decision\":\"accept\"}", 404),
        ("/api/nowhere", "{}", 404),
    ] {
        assert_problem(&api.send(post(path, body)).await.unwrap(), status);
    }
    let big = format!("{{\"text\":\"{}\"}}", "x".repeat(2 * 1024 * 1024));
    assert_problem(&api.send(post(&messages, &big)).await.unwrap(), 413);
    assert_problem(&api.get("/api/sessions/nobody").await, 404);
    assert_eq!(stage.home.received_of("turn/start").len(), 0);
    stage.assert_works().await;
}

#[tokio::test]
async fn a_folder_that_will_not_do_is_shown_in_the_refusal() {
    let stage = Stage::ready([]).await;
    for (path, member) in [("/api/sessions", "cwd"), ("/api/projects", "workingDirectory")] {
        for (folder, message) in [
            ("relative", r#""relative" must be an absolute path"#),
            ("/nowhere/at/all", r#""/nowhere/at/all" is not there, or not to be seen"#),
            ("/dev/null", r#""/dev/null" is not a folder"#),
            ("/a\0b", r#""/a\0b" is not a path"#),
        ] {
            let refused = stage.api.post(path, json!({ "name": "Garden", member: folder })).await;
            let issue = json!({ "path": [member], "code": "custom", "message": message });
            assert_eq!(refused.expect(400)["issues"], json!([issue]), "{path}");
        }
    }
}

#[tokio::test]
async fn the_type_of_a_refusal_leads_to_its_explanation() {
    let stage = Stage::start([]).await;
    let stranger = stage.api.with_bearer("wrong");
    let refused = stage.api.get("/api/sessions/nobody").await;
    let kind = refused.expect(404)["type"].as_str().unwrap();
    for path in [kind, "/errors/session_not_found"] {
        let explained = stranger.request(Method::GET, path).send().await.unwrap();
        assert_eq!(explained.status(), 200);
        assert_eq!(explained.headers()["content-type"], "text/plain; charset=utf-8");
        let text = explained.text().await.unwrap();
        assert!(text.starts_with("session_not_found (HTTP 404)\n  There is no session of that id.\n"), "{text}");
    }
    assert_problem(&stranger.get("/errors/none-such").await, 404);
}

#[tokio::test]
async fn nobody_comes_in_without_a_token_from_elsewhere_or_by_another_name() {
    let stage = Stage::ready([]).await;
    let (api, stranger) = (&stage.api, stage.api.with_bearer("wrong"));
    assert_eq!(stranger.get("/api/health").await.status, 200);
    for path in ["/api/sessions", "/api/sessions/x", "/api/stream", "/api/nowhere"] {
        assert_problem(&stranger.get(path).await, 401);
        let foreign = api.request(Method::GET, path).header("host", "evil.example");
        assert!((400..500).contains(&api.send(foreign).await.unwrap().status), "{path}");
        let foreign = api.request(Method::GET, path).header("origin", "https://evil.example");
        assert_problem(&api.send(foreign).await.unwrap(), 403);
    }
    let foreign = api.request(Method::GET, "/api/health").header("host", "evil.example");
    assert!((400..500).contains(&api.send(foreign).await.unwrap().status));
    assert_problem(&stranger.post("/api/sessions", json!({})).await, 401);

    assert_eq!(Socket::try_open(Socket::request(api, "")).await, 101);
    assert_eq!(Socket::try_open(Socket::request(&stranger, "")).await, 401);
    let mut foreign = Socket::request(api, "");
    foreign.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    assert_eq!(Socket::try_open(foreign).await, 403);
    assert_eq!(stage.home.received_of("thread/start").len(), 0);
}
