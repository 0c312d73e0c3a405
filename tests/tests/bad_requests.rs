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
