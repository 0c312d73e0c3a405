//! What one request or one client may cost, and that the others do not pay for it.

use codex_manager_tests::soon;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::stage::Stage;
use crate::wire::{Reply, authority, connect, exchange, request, send};

const MIB: usize = 1024 * 1024;
/// How many files this program opens at most.
const FILES: u64 = 4096;

/// What the body of a request to make a session is answered with.
async fn posted(stage: &Stage, headers: &[&str], body: &[u8]) -> Reply {
    let host = format!("host: {}", authority(&stage.api));
    let length = format!("content-length: {}", body.len());
    let headers = [&[host.as_str(), length.as_str()], headers].concat();
    let head = request(&stage.api, "POST /api/sessions HTTP/1.1", &headers);
    send(&stage.api, [head.as_bytes(), body].concat()).await
}

const JSON: &[&str] = &["content-type: application/json"];

#[tokio::test]
async fn s04_what_a_page_can_send_unasked_is_refused_and_changes_nothing() {
    let stage = Stage::ready([]).await;
    let head = stage.api.get("/api/sessions").await.body;
    for headers in [
        &["content-type: text/plain"][..],
        &["content-type: application/x-www-form-urlencoded"],
        &["content-type: multipart/form-data; boundary=x"],
        &["content-type: text/plain;application/json"],
        &[],
        &["content-type: application/json", "content-type: text/plain"],
        &["content-type: application/json", "content-encoding: gzip"],
        &["content-type: application/json", "content-encoding: deflate"],
        &["content-type: application/json", "content-encoding: br"],
    ] {
        posted(&stage, headers, b"{}").await.assert_problem(415);
    }
    assert_eq!(stage.api.get("/api/sessions").await.body, head);
    assert_eq!(stage.home.received_of("thread/start").len(), 0);
}

#[tokio::test]
async fn s12_input_that_is_too_large_deep_or_wide_is_refused() {
    let stage = Stage::ready([]).await;
    let nested = |depth: usize| format!("{{\"cwd\":{}1{}}}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
    let wide = format!("{{\"cwd\":[{}0]}}", "0,".repeat(400_000)).into_bytes();
    for (body, status) in [
        (vec![b' '; MIB + 1], 413),
        (format!("{{\"cwd\":\"{}\"}}", "x".repeat(2 * MIB)).into_bytes(), 413),
        (nested(64), 400),
        (nested(100_000), 400),
        ("[".repeat(MIB - 1).into_bytes(), 400),
        (wide, 400),
        (b"{\"cwd\":\"\xff\xfe\"}".to_vec(), 400),
        (b"{} {}".to_vec(), 400),
        (b"\xef\xbb\xbf{}".to_vec(), 400),
    ] {
        posted(&stage, JSON, &body).await.assert_problem(status);
    }
    assert_eq!(stage.home.received_of("thread/start").len(), 0);
    stage.assert_works().await;
}

/// Whoever sends much more than may be sent is told so, and not cut off in the middle of it.
#[tokio::test]
async fn s12_the_refusal_of_a_large_body_is_seen_by_who_sends_all_of_it() {
    let stage = Stage::start([]).await;
    let (host, large) = (format!("host: {}", authority(&stage.api)), vec![b' '; 40 * MIB]);
    let plain = (format!("content-length: {}", large.len()), large.clone());
    let chunk = [format!("{:x}\r\n", large.len()).as_bytes(), &large, b"\r\n0\r\n\r\n"].concat();
    for (kind, body) in [plain, ("transfer-encoding: chunked".to_owned(), chunk)] {
        let head = request(&stage.api, "POST /api/sessions HTTP/1.1", &[&host, JSON[0], &kind]);
        let mut connection = connect(&stage.api).await;
        let all = [head.as_bytes(), &body].concat();
        soon("the end of a large body", connection.write_all(&all)).await.expect("all of it is taken");
        exchange(&mut connection, b"").await.assert_problem(413);
    }
}

#[tokio::test]
async fn s12_a_body_without_an_end_is_cut_off() {
    let stage = Stage::ready([]).await;
    let host = format!("host: {}", authority(&stage.api));
    let headers = [host.as_str(), "content-type: application/json", "transfer-encoding: chunked"];
    let mut connection = connect(&stage.api).await;
    connection.write_all(request(&stage.api, "POST /api/sessions HTTP/1.1", &headers).as_bytes()).await.unwrap();
    let chunk = format!("{:x}\r\n{}\r\n", 64 * 1024, " ".repeat(64 * 1024));
    let cut_off = async { while connection.write_all(chunk.as_bytes()).await.is_ok() {} };
    soon("the end of an endless body", cut_off).await;
    stage.assert_works().await;
}

#[tokio::test]
async fn s12_a_head_that_is_too_large_and_an_address_that_is_too_long_are_refused() {
    let stage = Stage::start([]).await;
    let host = format!("host: {}", authority(&stage.api));
    let long = format!("x: {}", "y".repeat(17 * 1024));
    let many: Vec<String> = (0..2000).map(|number| format!("x-{number}: y")).collect();
    let many: Vec<&str> = [host.as_str()].into_iter().chain(many.iter().map(String::as_str)).collect();
    let api = &stage.api;
    send(api, request(api, "GET /api HTTP/1.1", &[&host, &long])).await.assert_problem(431);
    send(api, request(api, "GET /api HTTP/1.1", &many)).await.assert_problem(431);
    let line = |bytes| format!("GET /healthz?{} HTTP/1.1", "y".repeat(bytes));
    send(api, request(api, &line(9 * 1024), &[&host])).await.assert_problem(414);
    assert_eq!(send(api, request(api, &line(8 * 1024 - 9), &[&host])).await.status, 200);
}

#[tokio::test]
async fn s12_clients_that_hang_keep_nobody_from_being_served() {
    let stage = Stage::ready([]).await;
    let host = authority(&stage.api).to_owned();
    // Heads that never end, one byte after the other; bodies that never come; connections that say nothing.
    let mut hanging = Vec::new();
    for number in 0..500 {
        let mut connection = connect(&stage.api).await;
        let beginning = match number % 3 {
            0 => format!("GET /api HTTP/1.1\r\nhost: {host}\r\nx: "),
            1 => format!(
                "POST /api/sessions HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
                          authorization: Bearer {}\r\ncontent-length: 100\r\n\r\n{{",
                stage.api.bearer()
            ),
            _ => String::new(),
        };
        connection.write_all(beginning.as_bytes()).await.unwrap();
        hanging.push(connection);
    }
    for round in 0..20 {
        for connection in hanging.iter_mut().step_by(3) {
            // One that was let go by now has done its part.
            let _ = connection.write_all(b"y").await;
        }
        assert_eq!(stage.api.get("/api/sessions").await.status, 200, "round {round}");
    }
    stage.assert_works().await;
    assert_eq!(hanging.len(), 500);
}

#[tokio::test]
async fn s12_more_connections_than_there_are_places_keep_no_one_out_who_has_a_token() {
    let stage = Stage::ready([]).await;
    // A connection is a file of this program, too, which on many machines may not open that many before it asks.
    let files = getrlimit(Resource::Nofile);
    if files.current.is_some_and(|current| current < FILES) {
        let current = Some(files.maximum.map_or(FILES, |maximum| maximum.min(FILES)));
        setrlimit(Resource::Nofile, Rlimit { current, ..files }).unwrap();
    }
    let mut idle = Vec::new();
    for _ in 0..1500 {
        idle.push(connect(&stage.api).await);
    }
    assert_eq!(soon("an answer", stage.api.get("/api/sessions")).await.status, 200);
    let mut oldest = idle.swap_remove(0);
    let mut rest = Vec::new();
    let read = soon("the end of the oldest", oldest.read_to_end(&mut rest)).await;
    assert!(read.is_err() || rest.is_empty(), "it was let go without a word");
    stage.assert_works().await;
}

#[tokio::test]
async fn s12_a_head_that_takes_too_long_ends_its_connection() {
    let stage = Stage::start([]).await;
    let mut connection = connect(&stage.api).await;
    connection.write_all(b"GET /api HTTP/1.1\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = soon("the end of the connection", connection.read_to_end(&mut answer)).await;
    assert!(!String::from_utf8_lossy(&answer).contains("200"));
}

#[tokio::test]
async fn s14_every_refusal_is_a_problem_whatever_is_wrong() {
    let stage = Stage::ready([]).await;
    let api = &stage.api;
    let host = format!("host: {}", authority(api));
    for (line, status) in [
        ("GET /nowhere HTTP/1.1", 404),
        ("GET /api/sessions/x HTTP/1.1", 404),
        ("GET /api/sessions/%FF HTTP/1.1", 404),
        ("GET /api/sessions?limit=x HTTP/1.1", 400),
        ("PUT /api/sessions HTTP/1.1", 405),
        ("TRACE /api HTTP/1.1", 405),
        ("PROPFIND /api HTTP/1.1", 405),
        ("OPTIONS * HTTP/1.1", 404),
    ] {
        send(api, request(api, line, &[&host])).await.assert_problem(status);
    }
    for junk in [&b"hello\r\n\r\n"[..], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET /api HTTP/9.9\r\n\r\n"] {
        send(api, junk).await.assert_problem(400);
    }
    for smuggled in [
        format!("POST /api/sessions HTTP/1.1\r\n{host}\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{{}}"),
        format!("POST /api/sessions HTTP/1.1\r\n{host}\r\ntransfer-encoding: x\r\n\r\n"),
        format!("GET /api HTTP/1.1\r\n{host}\r\n folded: x\r\n\r\n"),
    ] {
        send(api, smuggled).await.assert_problem(400);
    }
    stage.assert_works().await;
}

#[tokio::test]
async fn s12_a_body_comes_in_chunks_and_in_no_other_coding() {
    let stage = Stage::start([]).await;
    let body = br#"{"name":"odd"}"#;
    let chunks = [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n0\r\n\r\n"].concat();
    for (codings, status) in [
        (&["chunked"][..], 200),
        (&["gzip, chunked"], 400),
        (&["chunked, chunked"], 400),
        (&["gzip", "chunked"], 400),
        (&["identity, chunked"], 400),
    ] {
        let codings: Vec<_> = codings.iter().map(|coding| format!("transfer-encoding: {coding}")).collect();
        let host = format!("host: {}", authority(&stage.api));
        let mut headers = vec![host.as_str(), "content-type: application/json"];
        headers.extend(codings.iter().map(String::as_str));
        let head = request(&stage.api, "POST /api/projects HTTP/1.1", &headers);
        let reply = send(&stage.api, [head.as_bytes(), &chunks].concat()).await;
        assert_eq!(reply.status, status, "{codings:?}: {}", reply.head);
    }
}
