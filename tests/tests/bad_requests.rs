//! Bad input gets a clear answer and changes nothing; nobody comes in without a token.

use codex_manager_tests::{Answer, Socket};
use reqwest::Method;
use serde_json::{Value, json};

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

/// One of these stands in the middle of a name: what takes no room, a mark that turns the direction of writing, a tag.
const HIDDEN: [char; 4] = ['\u{200b}', '\u{202e}', '\u{e0041}', '\u{1b}'];

#[tokio::test]
async fn no_name_that_people_read_has_what_does_not_show() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    let api = &stage.api;
    let project =
        api.post("/api/projects", json!({ "name": "first" })).await.expect(200)["project"]["projectId"].clone();
    let project = project.as_str().unwrap();
    let of_session = |rest: &str| format!("/api/sessions/{session}/{rest}");
    let controls = api.get(&of_session("session-controls")).await.expect(200)["controls"].clone();
    let set = json!({ "scope": "session", "key": "k", "value": 1 });
    let apply = json!({ "scope": "session", "controls": controls });
    let with = |body: &Value, member: &str, name: &str| {
        let mut body = body.clone();
        body[member] = name.into();
        body
    };
    let names = [
        ("/api/projects".to_owned(), json!({}), "name"),
        (format!("/api/projects/{project}/rename"), json!({}), "name"),
        ("/api/tokens".to_owned(), json!({ "role": "viewer" }), "name"),
        (of_session("rename"), json!({}), "title"),
        (of_session("settings"), set.clone(), "key"),
        (of_session("settings"), set.clone(), "actor"),
        (of_session("settings"), set, "source"),
        (of_session("session-controls"), apply.clone(), "actor"),
        (of_session("session-controls"), apply, "source"),
    ];
    for (number, (path, body, member)) in names.iter().enumerate() {
        for hidden in HIDDEN {
            let refused = api.post(path, with(body, member, &format!("a{hidden}b"))).await;
            assert_eq!((refused.status, refused.code()), (400, "invalid_request"), "{path} {member} {hidden:?}");
            assert_eq!(refused.body["issues"][0]["path"], json!([member]), "{path} {member}");
        }
        let shown = format!("Grüße ❤️ {number}");
        let taken = api.post(path, with(body, member, &shown)).await;
        assert!(taken.status < 300, "{path} {member}: {}", taken.body);
    }
}

#[tokio::test]
async fn a_query_has_only_what_the_document_says_and_each_member_once() {
    let stage = Stage::ready([]).await;
    let document = stage.api.get("/api/openapi.json").await.expect(200).clone();
    let mut looked_at = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let operation = &methods["get"];
        if !operation.is_object() || operation["security"] == json!([{}]) {
            continue;
        }
        let address = path.replace(['{', '}'], "");
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let of_query: Vec<_> = parameters.filter(|parameter| parameter["in"] == "query").collect();
        let doubled = of_query.iter().filter(|parameter| parameter["explode"] != true);
        let wrong = doubled
            .map(|parameter| parameter["name"].as_str().unwrap())
            .map(|name| (name, format!("{name}=1&{name}=1")));
        for (name, query) in wrong.chain([("nobodys", "nobodys=1".to_owned())]) {
            let refused = stage.api.get(&format!("{address}?{query}")).await;
            assert_eq!((refused.status, refused.code()), (400, "invalid_request"), "{path}?{query}");
            assert_eq!(refused.body["issues"][0]["path"], json!([name]), "{path}?{query}: {}", refused.body);
            looked_at += 1;
        }
    }
    assert!(looked_at > 40, "{looked_at}");
    for fine in ["/api/events?types=a&types=b&threadId=x&threadId=y&limit=1", "/healthz?at=noon"] {
        assert_eq!(stage.api.get(fine).await.status, 200, "{fine}");
    }
}
