//! `/api/stream` from outside, over real sockets.

use axum::http::header::HeaderValue;
use codex_manager_model::limits::{CLIENT_FRAME_BYTES_MAX, CLIENT_STALL_MAX, STREAM_BEAT_INTERVAL};
use codex_manager_model::{NewEvent, SessionId};
use codex_manager_store::Tx;
use futures_util::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::serving::Served;
use super::*;

type Socket = WebSocketStream<TcpStream>;

async fn connect(served: &Served, query: &str) -> Result<Socket, SocketError> {
    connect_with(served, query, &served.fixture.viewer).await
}

async fn connect_with(served: &Served, query: &str, secret: &Secret) -> Result<Socket, SocketError> {
    let mut request = format!("ws://127.0.0.1:{}/api/stream{query}", served.port).into_client_request()?;
    let bearer = HeaderValue::from_str(&format!("Bearer {}", secret.expose())).expect("a header");
    request.headers_mut().insert(AUTHORIZATION, bearer);
    Ok(client_async(request, served.connect().await).await?.0)
}

async fn message(socket: &mut Socket) -> Message {
    timeout(DEADLINE, socket.next()).await.expect("something comes").expect("an open socket").expect("a message")
}

async fn frame(socket: &mut Socket) -> Value {
    serde_json::from_str(message(socket).await.to_text().expect("text")).expect("JSON")
}

async fn say(socket: &mut Socket, text: &str) {
    socket.send(Message::text(text)).await.expect("sent");
}

/// The code and the reason with which the other side closes, after whatever it still says.
async fn farewell(socket: &mut Socket) -> (u16, String) {
    loop {
        if let Message::Close(Some(close)) = message(socket).await {
            return (close.code.into(), close.reason.to_string());
        }
    }
}

async fn append(fixture: &Fixture, session: Option<&'static str>, payload: Value) -> u64 {
    let event = NewEvent::new("note", session.map(SessionId::new), payload, Timestamp::UNIX_EPOCH);
    let write = move |tx: &Tx<'_>| tx.append_event(event);
    fixture.store.write(write).await.expect("appended").0
}

#[tokio::test]
async fn a_websocket_begins_with_ready_and_goes_on_from_the_head() {
    let served = Served::new().await;
    let head = append(&served.fixture, None, json!(1)).await;
    let mut socket = connect(&served, "?threadId=t1").await.expect("let in");
    let epoch = served.fixture.store.epoch().as_str();
    let ready = json!({ "type": "ready", "threadId": "t1", "epoch": epoch, "seq": head });
    assert_eq!(frame(&mut socket).await, ready);
    append(&served.fixture, Some("t2"), json!(2)).await;
    let seq = append(&served.fixture, Some("t1"), json!(3)).await;
    let note = json!({ "type": "note", "threadId": "t1", "seq": seq, "at": "1970-01-01T00:00:00Z", "payload": 3 });
    assert_eq!(frame(&mut socket).await, note);
}

#[tokio::test]
async fn a_websocket_resumes_after_a_cursor_or_is_refused_before_it_begins() {
    let served = Served::new().await;
    let first = append(&served.fixture, None, json!(1)).await;
    let second = append(&served.fixture, None, json!(2)).await;
    for query in [format!("?after={first}"), format!("?after={}.{first}", served.fixture.store.epoch())] {
        let mut socket = connect(&served, &query).await.expect("let in");
        assert_eq!(frame(&mut socket).await["seq"], second, "ready");
        assert_eq!(frame(&mut socket).await["seq"], second);
    }
    for (query, status) in [("?after=99999", 410), ("?after=other.1", 410), ("?after=x", 400)] {
        match connect(&served, query).await.expect_err("refused") {
            SocketError::Http(response) => assert_eq!(response.status(), status, "{query}"),
            other => panic!("{query}: {other}"),
        }
    }
}

#[tokio::test]
async fn commands_of_a_client() {
    let served = Served::new().await;
    let mut socket = connect(&served, "").await.expect("let in");
    frame(&mut socket).await;
    for junk in ["junk", "{}", r#"{"type":"subscribe"}"#] {
        say(&mut socket, junk).await;
        assert_eq!(frame(&mut socket).await, json!({ "type": "error", "message": "invalid websocket command" }));
    }
    say(&mut socket, r#"{"type":"subscribe","threadId":"t1"}"#).await;
    say(&mut socket, r#"{"type":"ping"}"#).await;
    assert_eq!(frame(&mut socket).await, json!({ "type": "pong" }));
    append(&served.fixture, Some("t2"), json!(2)).await;
    append(&served.fixture, Some("t1"), json!(1)).await;
    assert_eq!(frame(&mut socket).await["threadId"], "t1");
    say(&mut socket, r#"{"type":"unsubscribe"}"#).await;
    say(&mut socket, r#"{"type":"ping"}"#).await;
    assert_eq!(frame(&mut socket).await, json!({ "type": "pong" }));
    append(&served.fixture, Some("t2"), json!(2)).await;
    assert_eq!(frame(&mut socket).await["threadId"], "t2");
}

#[tokio::test]
async fn a_frame_that_is_too_large_ends_the_connection() {
    let served = Served::new().await;
    let mut socket = connect(&served, "").await.expect("let in");
    frame(&mut socket).await;
    say(&mut socket, &"x".repeat(CLIENT_FRAME_BYTES_MAX + 1)).await;
    assert_eq!(farewell(&mut socket).await.0, 1009);
}

#[tokio::test]
async fn a_client_that_says_goodbye_is_answered() {
    let served = Served::new().await;
    let mut socket = connect(&served, "").await.expect("let in");
    frame(&mut socket).await;
    socket.close(None).await.expect("said");
    assert!(matches!(message(&mut socket).await, Message::Close(_)));
    assert!(timeout(DEADLINE, socket.next()).await.expect("an end").is_none());
}

#[tokio::test]
async fn a_token_that_ends_takes_its_streams_along() {
    let served = Served::new().await;
    let tokens = &served.fixture.parts.tokens;
    let (token, secret) = tokens.create("short", Role::Viewer, None, Actor::User).await.expect("a token");
    let mut socket = connect_with(&served, "", &secret).await.expect("let in");
    let mut other = connect(&served, "").await.expect("let in");
    frame(&mut socket).await;
    frame(&mut other).await;
    tokens.revoke(&token.id, Actor::User).await.expect("revoked");
    // It is told: what looks by itself does so at intervals that are longer.
    let ended = timeout(STREAM_BEAT_INTERVAL, farewell(&mut socket)).await.expect("at once");
    assert_eq!(ended.0, 4401);
    assert_eq!(frame(&mut other).await["type"], "token_revoked", "the others go on");
}

#[tokio::test]
async fn shutdown_says_goodbye_with_a_cursor() {
    let mut served = Served::new().await;
    let mut socket = connect(&served, "").await.expect("let in");
    frame(&mut socket).await;
    let seq = append(&served.fixture, None, json!(1)).await;
    assert_eq!(frame(&mut socket).await["seq"], seq);
    served.begin_shutdown();
    let (code, reason) = farewell(&mut socket).await;
    assert_eq!(code, 1001);
    assert!(reason.ends_with(&format!("{}.{seq}", served.fixture.store.epoch())), "{reason}");
    drop(socket);
    served.finished().await;
}

/// A client that has stopped reading, and more rows than the buffers of both ends of a loopback connection take.
async fn stalled(served: &Served) -> (Socket, Vec<u64>) {
    let mut socket = connect(served, "").await.expect("let in");
    assert_eq!(frame(&mut socket).await["type"], "ready");
    let mut rows = Vec::new();
    for _ in 0..24 {
        rows.push(append(&served.fixture, None, json!("x".repeat(1 << 20))).await);
    }
    (socket, rows)
}

/// Lets time pass until the stream has no reader any more, and then `more`. While nothing else can happen, time moves
/// to the next timer.
async fn until_let_go(served: &Served, more: Duration) {
    tokio::time::pause();
    while served.fixture.parts.stream.has_readers() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(more).await;
    tokio::time::resume();
}

/// The rows that still come, and the code and reason of the farewell, if there is one.
async fn rest(socket: &mut Socket) -> (Vec<u64>, Option<(u16, String)>) {
    let mut seen = Vec::new();
    while let Some(Ok(message)) = timeout(DEADLINE, socket.next()).await.expect("an end") {
        match message {
            Message::Text(text) => {
                let frame: Value = serde_json::from_str(&text).expect("JSON");
                seen.push(frame["seq"].as_u64().expect("a number"));
            }
            Message::Close(Some(close)) => return (seen, Some((close.code.into(), close.reason.to_string()))),
            _ => {}
        }
    }
    (seen, None)
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_told_from_where_to_resume() {
    let served = Served::new().await;
    let (mut socket, rows) = stalled(&served).await;
    until_let_go(&served, Duration::ZERO).await;
    let (mut seen, farewell) = rest(&mut socket).await;
    let (code, reason) = farewell.expect("a farewell");
    assert_eq!(code, 4408);
    let cursor = reason.strip_prefix("too slow; resume from ").expect("a cursor");
    let resumed_after: u64 = cursor.rsplit_once('.').and_then(|(_, seq)| seq.parse().ok()).expect("a number");
    // What was under way when it stalled is not counted, although the client may have got it in the end.
    seen.retain(|seq| *seq <= resumed_after);
    let mut socket = connect(&served, &format!("?after={cursor}")).await.expect("let in");
    frame(&mut socket).await;
    while seen.len() < rows.len() {
        seen.push(frame(&mut socket).await["seq"].as_u64().expect("a number"));
    }
    assert_eq!(seen, rows);
}

#[tokio::test]
async fn a_client_that_never_reads_again_is_let_go() {
    let served = Served::new().await;
    let (mut socket, rows) = stalled(&served).await;
    until_let_go(&served, CLIENT_STALL_MAX * 3).await;
    let (seen, farewell) = rest(&mut socket).await;
    assert!(seen.len() < rows.len(), "it was let go");
    assert_eq!(farewell, None, "it was not waited for");
}

/// The next piece of an endless body.
async fn piece(body: &mut RawBody) -> String {
    let frame = timeout(DEADLINE, body.frame()).await.expect("something comes").expect("not the end").expect("bytes");
    String::from_utf8(frame.into_data().expect("data").to_vec()).expect("text")
}

#[tokio::test]
async fn server_sent_events_carry_the_same_frames_and_an_id_for_each_row() {
    let fixture = Fixture::new().await;
    let response = fixture.send(get("/api/stream", &fixture.viewer)).await;
    assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream");
    let mut body = response.into_body();
    let ready = piece(&mut body).await;
    assert!(ready.starts_with("retry: 1000\nevent: ready\ndata: {\"epoch\""), "{ready}");
    let signal = json!({ "signal": { "signalType": "notification", "method": "a/b", "params": {} } });
    let event = NewEvent::new("app_server.a.b", None, signal, Timestamp::UNIX_EPOCH);
    let write = move |tx: &Tx<'_>| tx.append_event(event);
    let seq = fixture.store.write(write).await.expect("appended");
    let events = piece(&mut body).await;
    let blocks: Vec<&str> = events.split_terminator("\n\n").collect();
    assert_eq!(blocks.len(), 2, "{events}");
    assert!(blocks[0].starts_with("event: app_server.a.b\ndata: {") && !blocks[0].contains("\nid: "), "{events}");
    let id = format!("\nid: {}.{seq}", fixture.store.epoch());
    assert!(blocks[1].starts_with("event: notification\ndata: {") && blocks[1].ends_with(&id), "{events}");
}

#[tokio::test]
async fn a_browser_that_reconnects_goes_on_where_it_was() {
    let fixture = Fixture::new().await;
    let seq = append(&fixture, None, json!(1)).await;
    append(&fixture, None, json!(2)).await;
    let resume = |id: String| {
        let builder = with(to_us(Method::GET, "/api/stream?after=0"), &fixture.viewer).header("last-event-id", id);
        builder.body(RawBody::empty()).expect("a request")
    };
    let response = fixture.send(resume(format!("{}.{seq}", fixture.store.epoch()))).await;
    let mut body = response.into_body();
    piece(&mut body).await;
    let events = piece(&mut body).await;
    assert!(events.contains(&format!("\"seq\":{}", seq + 1)) && !events.contains(&format!("\"seq\":{seq},")));
    let expired = fixture.send(resume("lost.7".to_owned())).await;
    let refusal = problem(expired, StatusCode::GONE, "cursor_expired").await;
    assert_eq!((&refusal["oldest"], &refusal["head"]), (&json!(1), &json!(seq + 1)));
}

#[tokio::test]
async fn server_sent_events_end_with_the_token_and_with_the_daemon() {
    let fixture = Fixture::new().await;
    let tokens = &fixture.parts.tokens;
    let (token, secret) = tokens.create("short", Role::Viewer, None, Actor::User).await.expect("a token");
    let mut revoked = fixture.send(get("/api/stream", &secret)).await.into_body();
    let mut closed = fixture.send(get("/api/stream", &fixture.viewer)).await.into_body();
    piece(&mut revoked).await;
    piece(&mut closed).await;
    tokens.revoke(&token.id, Actor::User).await.expect("revoked");
    assert!(timeout(DEADLINE, revoked.frame()).await.expect("an end").is_none());
    fixture.parts.stream.close();
    while timeout(DEADLINE, closed.frame()).await.expect("an end").is_some() {}
}
