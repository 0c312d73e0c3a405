//! `GET /api/stream`: the event stream, as a websocket when the request asks for one, as server-sent events otherwise.
//!
//! Both begin with a `ready` frame and go on from a cursor: `after`, or for server-sent events the `Last-Event-ID` that
//! a browser sends when it reconnects. A cursor that cannot be served is refused before either begins.

mod ask;
mod command;
mod sse;
mod websocket;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRef, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::Response;
use axum::{Extension, response::IntoResponse};
use codex_manager_model::{Epoch, Role, Seq};
use serde_json::json;

use super::extract::invalid;
use super::serve::Progress;
use super::{Access, Doc, Problem, Route};
use crate::service::code;
use crate::service::error::Error;
use crate::service::tokens::{Bearer, Tokens};
use crate::stream::{Control, Reader, Start, Stream, control};
use ask::{cursor, wrong_cursor};

pub(super) use ask::Ask;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The route of the stream.
pub(super) fn routes<S>() -> Vec<Route<S>>
where
    S: Clone + Send + Sync + 'static,
    Stream: FromRef<S>,
    Tokens: FromRef<S>,
{
    vec![Route::get("/api/stream", Access::Role(Role::Viewer), open).doc(doc())]
}

fn doc() -> Doc {
    let frames = "retry: 1000\nevent: ready\ndata: {\"type\":\"ready\",\"threadId\":null,\"epoch\":\"01jz\",\"seq\":42}\nid: 01jz.42\n\n";
    Doc::new("connectEventStream", "stream", "Follows what happens, over a websocket or as server-sent events.")
        .says(
            "A request for an upgrade gets a websocket, any other one server-sent events. Both begin with a `ready` frame. \
             `GET /api/asyncapi.json` tells the frames, and what may be said on the websocket. Who reconnects sends `after`, or \
             with server-sent events `Last-Event-ID`, and gets every row since.",
        )
        .query::<Ask>()
        .empty_answer(101, "A websocket")
        .answer_as::<String>(200, "Server-sent events, without an end", "text/event-stream", json!(frames))
        .refuses(&[code::CURSOR_EXPIRED])
}

/// A client that was let in, with its place in the stream.
struct Client {
    reader: Reader,
    epoch: Epoch,
    ready: String,
    tokens: Tokens,
    bearer: Bearer,
}

impl Client {
    /// A row's place as clients keep it.
    fn cursor(&self, seq: Seq) -> String {
        format!("{}.{seq}", self.epoch)
    }
}

async fn open(
    State(stream): State<Stream>,
    State(tokens): State<Tokens>,
    bearer: Bearer,
    ask: Result<Ask, Problem>,
    headers: HeaderMap,
    progress: Option<Extension<Progress>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let wants_websocket = headers.contains_key(header::UPGRADE);
    let upgrade = match (wants_websocket, upgrade) {
        (true, Ok(upgrade)) => Some(upgrade),
        (true, Err(rejection)) => return Err(invalid(rejection.body_text()).into()),
        (false, _) => None,
    };
    let ask = ask?;
    let start = start(&ask, &headers, upgrade.is_some())?;
    let from_head = start == Start::Head;
    let reader = stream.open(start, ask.filter()).await?;
    // Who begins at the head may keep this as its cursor, so it is the very place where the reader begins.
    let head = if from_head { reader.cursor() } else { stream.head() };
    let ready =
        Control::Ready { threads: &ask.threads, types: &ask.types, epoch: stream.epoch().as_str(), head: head.0 };
    let client = Client { reader, epoch: stream.epoch().clone(), ready: control(&ready), tokens, bearer };
    Ok(match upgrade {
        Some(upgrade) => websocket::answer(upgrade, client, progress.map(|found| found.0).unwrap_or_default()),
        None => sse::answer(client).into_response(),
    })
}

/// A browser that reconnects repeats its first address, and says in a header how far it has come since.
fn start(ask: &Ask, headers: &HeaderMap, websocket: bool) -> Result<Start, Error> {
    let seen = headers.get(LAST_EVENT_ID).filter(|value| !websocket && !value.is_empty());
    let after = match seen {
        Some(value) => Some(value.to_str().ok().and_then(cursor).ok_or_else(wrong_cursor)?),
        None => ask.cursor()?,
    };
    Ok(after.map_or(Start::Head, Start::After))
}
