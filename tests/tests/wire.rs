//! Requests as bytes, for what no well-behaved client can send.

use codex_manager_tests::{Api, soon};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer, taken apart.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Value,
}

/// `host:port` of the daemon.
pub(crate) fn authority(api: &Api) -> &str {
    api.base().strip_prefix("http://").unwrap()
}

/// A connection to it.
pub(crate) async fn connect(api: &Api) -> TcpStream {
    TcpStream::connect(authority(api)).await.unwrap()
}

/// Sends bytes on a connection of their own, and reads until the other side closes.
pub(crate) async fn send(api: &Api, bytes: impl AsRef<[u8]>) -> Reply {
    let mut connection = connect(api).await;
    exchange(&mut connection, bytes).await
}

/// The same on a given one. That the other side may not read to the end is part of what is tried.
pub(crate) async fn exchange(
    connection: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin),
    bytes: impl AsRef<[u8]>,
) -> Reply {
    let _ = connection.write_all(bytes.as_ref()).await;
    let mut answer = Vec::new();
    let _ = soon("the end of an answer", connection.read_to_end(&mut answer)).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Reply { status, head: head.to_owned(), body: serde_json::from_str(body).unwrap_or_default() }
}

/// A request with these lines of head beside a valid token, to be answered and closed.
pub(crate) fn request(api: &Api, line: &str, headers: &[&str]) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!("{line}\r\n{headers}authorization: Bearer {}\r\nconnection: close\r\n\r\n", api.bearer())
}

impl Reply {
    /// That it is a refusal in the one shape that all refusals have.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16) {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.body);
        assert!(self.head.to_ascii_lowercase().contains("content-type: application/problem+json"), "{}", self.head);
        for member in ["type", "title", "detail", "status", "code", "message", "requestId"] {
            assert!(self.body[member].is_string(), "{member} in {}", self.body);
        }
    }
}
