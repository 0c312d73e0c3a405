//! `GET /api/stream`: the event stream, as a websocket when the request asks for one, as server-sent events otherwise.
//!
//! Both begin with a `ready` frame and go on from a cursor: `after`, or for server-sent events the `Last-Event-ID` that
//! a browser sends when it reconnects. A cursor that cannot be served is refused before either begins.

mod command;
mod sse;
mod websocket;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRef, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::Response;
use axum::{Extension, response::IntoResponse};
use codex_manager_model::{Epoch, Role, Seq, SessionId};
use serde::Deserialize;

use super::extract::invalid;
use super::serve::Progress;
use super::{Access, Problem, Query, Route};
use crate::service::tokens::{Bearer, Tokens};
use crate::stream::{Control, Cursor, Filter, Reader, Start, Stream, control};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The route of the stream.
pub(super) fn routes<S>() -> Vec<Route<S>>
where
    S: Clone + Send + Sync + 'static,
    Stream: FromRef<S>,
    Tokens: FromRef<S>,
{
    vec![Route::get("/api/stream", Access::Role(Role::Viewer), open)]
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ask {
    #[serde(default)]
    thread_id: Option<String>,
    #[serde(default)]
    after: Option<String>,
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
    Query(ask): Query<Ask>,
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
    let start = start(&ask, &headers, upgrade.is_some())?;
    let thread = ask.thread_id.filter(|thread| !thread.is_empty()).map(SessionId::new);
    let filter = thread.clone().map_or_else(Filter::everything, |thread| Filter::threads([thread]));
    let from_head = start == Start::Head;
    let reader = stream.open(start, filter).await?;
    // Who begins at the head may keep this as its cursor, so it is the very place where the reader begins.
    let head = if from_head { reader.cursor() } else { stream.head() };
    let ready = Control::Ready { thread: thread.as_ref(), epoch: stream.epoch().as_str(), head: head.0 };
    let client = Client { reader, epoch: stream.epoch().clone(), ready: control(&ready), tokens, bearer };
    Ok(match upgrade {
        Some(upgrade) => websocket::answer(upgrade, client, progress.map(|found| found.0).unwrap_or_default()),
        None => sse::answer(client).into_response(),
    })
}

/// A browser that reconnects repeats its first address, and says in a header how far it has come since.
fn start(ask: &Ask, headers: &HeaderMap, websocket: bool) -> Result<Start, Problem> {
    let seen = headers.get(LAST_EVENT_ID).filter(|_| !websocket);
    let text = match seen {
        Some(value) => value.to_str().map_err(|_| wrong_cursor())?,
        None => ask.after.as_deref().unwrap_or_default(),
    };
    if text.is_empty() { Ok(Start::Head) } else { cursor(text).map(Start::After).ok_or_else(wrong_cursor) }
}

/// `<seq>`, or `<epoch>.<seq>`.
fn cursor(text: &str) -> Option<Cursor> {
    let (epoch, seq) = match text.rsplit_once('.') {
        Some((epoch, seq)) => (Some(Epoch::new(epoch)), seq),
        None => (None, text),
    };
    let digits = !seq.is_empty() && seq.bytes().all(|byte| byte.is_ascii_digit());
    let seq = digits.then(|| seq.parse().ok()).flatten().map(Seq)?;
    Some(Cursor { epoch, seq })
}

fn wrong_cursor() -> Problem {
    invalid("a cursor is a number, or the epoch and a number with a dot between them").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_a_number_or_an_epoch_and_a_number() {
        let epoch = |text: &str| Some(Epoch::new(text));
        let table = [
            ("0", Some((None, 0))),
            ("42", Some((None, 42))),
            ("abc.42", Some((epoch("abc"), 42))),
            ("a.b.42", Some((epoch("a.b"), 42))),
            ("abc.", None),
            ("abc", None),
            ("-1", None),
            ("+1", None),
            (" 1", None),
            ("1.0x", None),
            ("18446744073709551616", None),
        ];
        for (text, expected) in table {
            let expected = expected.map(|(epoch, seq)| Cursor { epoch, seq: Seq(seq) });
            assert_eq!(cursor(text), expected, "{text:?}");
        }
    }
}
