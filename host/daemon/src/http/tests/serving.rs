//! Our own listener: what it bounds, and how it ends.

use codex_manager_model::limits::HEADER_READ_MAX;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

/// A daemon's edge on a real socket.
pub(super) struct Served {
    pub(super) fixture: Fixture,
    pub(super) port: u16,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Served {
    pub(super) async fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let fixture = Fixture::on_port(port).await;
        let (stop, stopped) = oneshot::channel::<()>();
        let stream = fixture.parts.stream.clone();
        let shutdown = async move {
            let _ = stopped.await;
            stream.close();
        };
        let serving = tokio::spawn(serve(listener, fixture.router(), shutdown));
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

async fn exchange(connection: &mut TcpStream, request: &str) -> String {
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
        ("hello\r\n\r\n".to_owned(), "400"),
    ];
    for (request, status) in table {
        let answer = exchange(&mut served.connect().await, &request).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
    }
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
