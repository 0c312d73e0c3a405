//! The stream as server-sent events.
//!
//! The body is pulled: while the client does not read, nothing is fetched for it. An event carries an id only with the
//! last frame of a row, so that a client always resumes between rows; a heartbeat carries one too, so that the cursor of
//! a client that filters does not fall behind what it does not want.

use std::convert::Infallible;
use std::fmt::Write;
use std::future::Future;
use std::pin::Pin;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use codex_manager_model::Seq;
use codex_manager_model::limits::{LOG_PAGE_BYTES_MAX, STREAM_BEAT_INTERVAL};
use futures_util::stream::unfold;

use super::Client;
use crate::stream::{Entry, Next};

/// How long a browser waits before it reconnects, in milliseconds.
const RETRY_MILLISECONDS: u32 = 1000;

/// The endless response.
pub(super) fn answer(client: Client) -> impl IntoResponse {
    let (tokens, bearer) = (client.tokens.clone(), client.bearer.clone());
    let ended = Box::pin(async move { tokens.ended(&bearer).await });
    let body = Body::from_stream(unfold(Feed { client, ended, begun: false }, Feed::next));
    ([(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")], body)
}

struct Feed {
    client: Client,
    /// Resolves when the token is no longer valid.
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
    begun: bool,
}

impl Feed {
    /// The next piece of the body; `None` ends it. The client reconnects, and is told why if it may not go on.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        let text = if self.begun { self.more().await? } else { self.begin() };
        Some((Ok(text.into()), self))
    }

    fn begin(&mut self) -> String {
        self.begun = true;
        let mut text = format!("retry: {RETRY_MILLISECONDS}\n");
        let id = self.client.cursor(self.client.reader.cursor());
        event(&mut text, "ready", &self.client.ready, Some(&id));
        text
    }

    async fn more(&mut self) -> Option<String> {
        let Self { client, ended, .. } = self;
        let next = tokio::select! {
            biased;
            () = ended => return None,
            next = client.reader.next() => next,
            () = tokio::time::sleep(STREAM_BEAT_INTERVAL) => {
                return Some(format!(": alive\nid: {}\n\n", client.cursor(client.reader.cursor())));
            }
        };
        let Next::Entry(first) = next else { return None };
        let mut text = String::new();
        client.put(&mut text, &first);
        while text.len() < LOG_PAGE_BYTES_MAX
            && let Some(entry) = client.reader.more()
        {
            client.put(&mut text, &entry);
        }
        Some(text)
    }
}

impl Client {
    fn put(&self, text: &mut String, entry: &Entry) {
        let id = entry.row().map(|row: Seq| self.cursor(row));
        let mut frames = entry.frames_for(self.reader.filter()).peekable();
        while let Some(frame) = frames.next() {
            let id = if frames.peek().is_none() { id.as_deref() } else { None };
            event(text, &frame.name, &frame.text, id);
        }
    }
}

/// JSON has no line breaks of its own, and the names are ours or normalized.
fn event(text: &mut String, name: &str, data: &str, id: Option<&str>) {
    let written = write!(text, "event: {name}\ndata: {data}\n");
    written.expect("a string takes all that is written");
    if let Some(id) = id {
        writeln!(text, "id: {id}").expect("a string takes all that is written");
    }
    text.push('\n');
}
