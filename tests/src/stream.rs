//! The event stream, over a websocket and as server-sent events. Both give the same frames.

use std::collections::VecDeque;

use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, Response};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::{Api, soon};

/// The stream over a websocket.
#[derive(Debug)]
pub struct Socket {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    /// Opens the stream with a query such as `?after=4711`, or none.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn open(api: &Api, query: &str) -> Self {
        Self::open_if_there(api, query).await.expect("the daemon offers the stream")
    }

    /// The same, for a daemon that may be gone: `None` then.
    pub async fn open_if_there(api: &Api, query: &str) -> Option<Self> {
        let (socket, _) = soon("the websocket", connect_async(Self::request(api, query))).await.ok()?;
        Some(Self { socket })
    }

    /// The upgrade request, for a test that changes it.
    ///
    /// # Panics
    /// When the query is no query.
    pub fn request(api: &Api, query: &str) -> Request {
        let url = format!("{}/api/stream{query}", api.base().replacen("http", "ws", 1));
        let mut request = url.into_client_request().expect("it is a URL");
        let bearer = format!("Bearer {}", api.bearer()).parse().expect("a token is text");
        request.headers_mut().insert("authorization", bearer);
        request
    }

    /// The status that an upgrade request gets: 101 when it is granted.
    ///
    /// # Panics
    /// When there is no HTTP answer at all.
    pub async fn try_open(request: Request) -> u16 {
        match soon("an answer to the upgrade", connect_async(request)).await {
            Ok((_, response)) => response.status().as_u16(),
            Err(Error::Http(response)) => response.status().as_u16(),
            Err(other) => panic!("no HTTP answer to the upgrade: {other}"),
        }
    }

    /// Sends a command.
    ///
    /// # Panics
    /// When the socket is closed.
    pub async fn send(&mut self, command: Value) {
        self.socket.send(Message::text(command.to_string())).await.expect("the socket is open");
    }

    /// The next frame; `None` when the stream has ended.
    ///
    /// # Panics
    /// When none comes.
    pub async fn next(&mut self) -> Option<Value> {
        let text = self.next_text().await?;
        Some(serde_json::from_str(&text).expect("a frame is JSON"))
    }

    /// The next frame as it came; `None` when the stream has ended.
    ///
    /// # Panics
    /// When none comes.
    pub async fn next_text(&mut self) -> Option<String> {
        let text = async {
            loop {
                match self.socket.next().await? {
                    Ok(Message::Text(text)) => return Some(text.to_string()),
                    Ok(Message::Close(_)) | Err(_) => return None,
                    Ok(_) => {}
                }
            }
        };
        soon("a frame", text).await
    }

    /// Takes frames until `last` is one of them; gives all of them.
    ///
    /// # Panics
    /// When the stream ends first, or the patience, whatever else comes meanwhile.
    pub async fn until(&mut self, what: &str, last: impl FnMut(&Value) -> bool) -> Vec<Value> {
        collect(what, last, async || self.next().await).await
    }
}

/// The stream as server-sent events.
#[derive(Debug)]
pub struct Events {
    response: Response,
    half: Vec<u8>,
    frames: VecDeque<Frame>,
}

/// One server-sent event.
#[derive(Debug, Clone)]
pub struct Frame {
    /// What a client sends back as `Last-Event-ID`.
    pub id: Option<String>,
    /// The frame.
    pub data: Value,
}

impl Events {
    /// Opens the stream with a query such as `?after=4711`, or none, and the id of the last event seen.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn open(api: &Api, query: &str, last_event_id: Option<&str>) -> Self {
        let mut request =
            api.request(Method::GET, &format!("/api/stream{query}")).header("accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = soon("the stream", request.send()).await.unwrap_or_else(|error| panic!("/api/stream: {error}"));
        assert_eq!(response.status().as_u16(), 200, "/api/stream");
        Self { response, half: Vec::new(), frames: VecDeque::new() }
    }

    /// The next event; `None` when the stream has ended.
    ///
    /// # Panics
    /// When none comes.
    pub async fn next(&mut self) -> Option<Frame> {
        soon("an event", self.come()).await?;
        self.frames.pop_front()
    }

    /// Reads until there is an event; `None` when the stream has ended.
    async fn come(&mut self) -> Option<()> {
        while self.frames.is_empty() {
            let bytes = self.response.chunk().await.ok()??;
            self.half.extend_from_slice(&bytes);
            while let Some(end) = self.half.windows(2).position(|pair| pair == b"\n\n") {
                let block = self.half.drain(..end + 2).collect::<Vec<_>>();
                self.frames.extend(event(&String::from_utf8_lossy(&block)));
            }
        }
        Some(())
    }

    /// Takes events until `last` is one of them; gives all of them.
    ///
    /// # Panics
    /// When the stream ends first, or the patience, whatever else comes meanwhile.
    pub async fn until(&mut self, what: &str, mut last: impl FnMut(&Value) -> bool) -> Vec<Frame> {
        collect(what, |frame: &Frame| last(&frame.data), async || self.next().await).await
    }
}

/// The row of the log that a frame is a view of; `None` for what is no row. The first frame's number is the log's end.
pub fn row(frame: &Value) -> Option<u64> {
    frame["seq"].as_u64().filter(|_| frame["type"] != "ready")
}

/// What a block of lines says; `None` for a comment.
fn event(block: &str) -> Option<Frame> {
    let field = |start: &'static str| block.lines().filter_map(move |line| line.strip_prefix(start));
    let data = field("data: ").collect::<Vec<_>>().join("\n");
    let data = (!data.is_empty()).then(|| serde_json::from_str(&data).expect("a frame is JSON"))?;
    Some(Frame { id: field("id: ").next().map(str::to_owned), data })
}

async fn collect<T>(what: &str, mut last: impl FnMut(&T) -> bool, mut next: impl AsyncFnMut() -> Option<T>) -> Vec<T> {
    let all = async {
        let mut frames = Vec::new();
        loop {
            let frame = next().await.unwrap_or_else(|| panic!("the stream ended before {what}"));
            let is_last = last(&frame);
            frames.push(frame);
            if is_last {
                return frames;
            }
        }
    };
    // One patience for all of them: what comes at intervals, such as pings, does not renew it.
    soon(what, all).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "waited 60 s for the end")]
    async fn pings_do_not_renew_the_patience() {
        let pings = async || {
            tokio::time::sleep(Duration::from_secs(15)).await;
            Some("ping")
        };
        // Long after the patience, so that a failure is no endless test.
        let mut left = 100;
        let last = |_: &&str| {
            left -= 1;
            left == 0
        };
        collect("the end", last, pings).await;
    }
}
