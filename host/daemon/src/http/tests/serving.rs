//! Our own listener: what it bounds, and how it ends.

use codex_manager_model::limits::{CONNECTIONS_MAX, HEADER_READ_MAX};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::listen::Listeners;

/// A daemon's edge on a real socket.
pub(super) struct Served {
    pub(super) fixture: Fixture,
    pub(super) port: u16,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Served {
    pub(super) async fn new() -> Self {
        let listeners = Listeners::on_loopback().await;
        let port = listeners.tcp().expect("its address").port();
        Self::on(listeners, port).await
    }

    async fn on(listeners: Listeners, port: u16) -> Self {
        let fixture = Fixture::on_port(port).await;
        let (stop, stopped) = oneshot::channel::<()>();
        let stream = fixture.parts.stream.clone();
        let shutdown = async move {
            let _ = stopped.await;
            stream.close();
        };
        let serving = tokio::spawn(serve(listeners, fixture.api(), shutdown));
        Self { fixture, port, stop: Some(stop), serving }
    }

    pub(super) fn begin_shutdown(&mut self) {
        drop(self.stop.take());
    }

    pub(super) async fn finished(self) {
        timeout(DEADLINE, self.serving).await.expect("serving ends").expect("without a panic");
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.expect("a connection")
    }
}

async fn exchange(connection: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), request: &str) -> String {
    connection.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    timeout(DEADLINE, connection.read_to_end(&mut answer)).await.expect("an end").expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_plain_request_is_answered_and_shutdown_ends_an_idle_connection() {
    let mut served = Served::new().await;
    let mut idle = served.connect().await;
    let request = format!("GET /open HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n\r\n", served.port);
    idle.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = vec![0; 15];
    idle.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(answer, b"HTTP/1.1 200 OK");
    served.begin_shutdown();
    served.finished().await;
}

#[tokio::test]
async fn what_is_no_request_of_ours_is_refused() {
    let served = Served::new().await;
    let port = served.port;
    let table = [
        ("GET /open HTTP/1.0\r\n\r\n".to_owned(), "421"),
        ("GET /open HTTP/1.1\r\nconnection: close\r\n\r\n".to_owned(), "421"),
        (format!("GET http://evil.com/open HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n"), "421"),
        (format!("GET /open HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nhost: evil.com\r\nconnection: close\r\n\r\n"), "421"),
        (format!("GET /open HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nx: {}\r\n\r\n", "x".repeat(20_000)), "431"),
        (format!("GET /{} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n", "x".repeat(20_000)), "431"),
        (format!("GET /{} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n", "x".repeat(9_000)), "414"),
        ("hello\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nhost 127.0.0.1\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nx: a\0b\r\n\r\n"), "400"),
    ];
    for (request, status) in table {
        let answer = exchange(&mut served.connect().await, &request).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains("content-type: application/problem+json") && head.contains("x-request-id: "), "{answer}");
        let body: Value = serde_json::from_str(body).expect("JSON");
        assert!(body["requestId"].is_string() && body["code"].is_string(), "{answer}");
    }
}

/// Both ends of each connection are files of this program, which on many machines may not open that many before it asks.
fn open_more_files() {
    const ENOUGH: u64 = 4 * CONNECTIONS_MAX as u64 + 1000;
    let files = getrlimit(Resource::Nofile);
    if files.current.is_some_and(|current| current < ENOUGH) {
        let current = Some(files.maximum.map_or(ENOUGH, |maximum| maximum.min(ENOUGH)));
        setrlimit(Resource::Nofile, Rlimit { current, ..files }).expect("no more than the maximum");
    }
}

#[tokio::test]
async fn strangers_give_their_places_to_who_has_a_token() {
    open_more_files();
    let served = Served::new().await;
    // More than there are places; the oldest of them are let go.
    let mut strangers = Vec::new();
    for _ in 0..CONNECTIONS_MAX + 100 {
        let mut stranger = served.connect().await;
        let _ = stranger.write_all(b"GET /open HTTP/1.1\r\n").await;
        strangers.push(stranger);
    }
    let secret = served.fixture.viewer.expose();
    let request = |close: &str| {
        let host = format!("host: 127.0.0.1:{}\r\nauthorization: Bearer {secret}", served.port);
        format!("GET /view/x HTTP/1.1\r\n{host}\r\n{close}\r\n")
    };
    let mut known = served.connect().await;
    known.write_all(request("").as_bytes()).await.expect("sent");
    let mut answer = vec![0; 15];
    known.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(answer, b"HTTP/1.1 200 OK");
    for _ in 0..CONNECTIONS_MAX + 100 {
        strangers.push(served.connect().await);
    }
    let answer = exchange(&mut known, &request("connection: close\r\n")).await;
    assert!(answer.contains("HTTP/1.1 200 OK"), "who has shown a token keeps its place: {answer}");
    let mut first = strangers.swap_remove(0);
    let mut rest = Vec::new();
    // It may be told of its end by a reset.
    let _ = timeout(DEADLINE, first.read_to_end(&mut rest)).await.expect("it was let go");
}

#[tokio::test]
async fn a_unix_socket_serves_the_same_to_this_user() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run/api.sock");
    let served = Served::on(Listeners::on_socket(&path), PORT).await;
    let secret = served.fixture.viewer.expose();
    for (headers, status) in [
        (format!("host: localhost\r\nauthorization: Bearer {secret}"), "200"),
        ("host: localhost".to_owned(), "401"),
        (format!("host: evil.com\r\nauthorization: Bearer {secret}"), "421"),
        (format!("host: localhost\r\norigin: http://localhost\r\nauthorization: Bearer {secret}"), "403"),
    ] {
        let request = format!("GET /view/x HTTP/1.1\r\n{headers}\r\nconnection: close\r\n\r\n");
        let mut connection = UnixStream::connect(&path).await.expect("a connection");
        let answer = exchange(&mut connection, &request).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
    }
    let mut served = served;
    served.begin_shutdown();
    served.finished().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let served = Served::new().await;
    let mut slow = served.connect().await;
    slow.write_all(b"GET /open HTTP/1.1\r\nhost:").await.expect("sent");
    let mut quick = served.connect().await;
    let request = format!("GET /open HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\n\r\n", served.port);
    assert!(exchange(&mut quick, &request).await.starts_with("HTTP/1.1 200"), "others are served meanwhile");
    // Time is moved by hand from here on; the store is not needed any more.
    tokio::time::pause();
    tokio::time::advance(HEADER_READ_MAX + Duration::from_secs(1)).await;
    tokio::time::resume();
    let mut rest = Vec::new();
    timeout(DEADLINE, slow.read_to_end(&mut rest)).await.expect("an end").expect("closed");
    assert!(!String::from_utf8_lossy(&rest).contains("200"));
}
