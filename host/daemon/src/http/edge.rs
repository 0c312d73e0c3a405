//! The outermost layer: gives every request an id, catches panics, writes problems out, and has what acted written down.
//!
//! It wraps the fallbacks too, so no answer leaves without an `x-request-id`, and no refusal in another shape.

mod record;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use super::Problem;
use crate::service::error::Error;
use crate::service::{Audit, code};
pub(super) use record::Note;
use record::Record;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id of a request that is taken over from its sender, in characters.
const REQUEST_ID_CHARS_MAX: usize = 64;

/// What the log, and whoever asks, calls a request.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestId(pub(super) String);

/// Answers one request, whatever happens below.
pub(super) async fn answer<F: Future<Output = Response>>(
    audit: &Audit,
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let id = request_id(request.headers());
    let record = Record::new(audit.clone(), &id);
    request.extensions_mut().insert(record.note());
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = match AssertUnwindSafe(next(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => panicked(panic.as_ref(), &id).into_response(),
    };
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let rendered = problem.render(&id);
        // Headers that were set on the way out stay, such as the `Allow` of a 405.
        let (parts, body) = rendered.into_parts();
        *response.body_mut() = body;
        response.headers_mut().remove(axum::http::header::CONTENT_LENGTH);
        response.headers_mut().extend(parts.headers);
    }
    response.headers_mut().insert(REQUEST_ID, header(&id));
    record.write(response.status()).await;
    response
}

/// A problem by itself, as it leaves.
pub(super) fn written(problem: &Problem, id: &str) -> Response {
    let mut response = problem.render(id);
    response.headers_mut().insert(REQUEST_ID, header(id));
    response
}

fn header(id: &str) -> HeaderValue {
    HeaderValue::from_str(id).expect("an id of a request is made of letters, digits, `.`, `_` and `-`")
}

/// The sender's id where it can stand in a log line, else one of ours.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(|id| is_sane(id));
    given.map_or_else(fresh_id, ToOwned::to_owned)
}

/// An id of ours.
pub(super) fn fresh_id() -> String {
    // The randomness of this thread: asking the system for it with each request would take longer than many answers.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let milliseconds = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    let id = uuid::Builder::from_unix_timestamp_millis(milliseconds, &rand::random()).into_uuid();
    format!("req_{}", id.simple())
}

fn is_sane(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !id.is_empty() && id.len() <= REQUEST_ID_CHARS_MAX && id.bytes().all(plain)
}

fn panicked(panic: &(dyn Any + Send), request_id: &str) -> Problem {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(request_id, panic = said.unwrap_or("no text"), "a handler panicked");
    Error::new(code::INTERNAL_ERROR, "internal server error").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_forge_a_log_line_is_replaced() {
        let long = "x".repeat(REQUEST_ID_CHARS_MAX + 1);
        for (given, kept) in [("abc-1._Z", true), ("", false), ("a b", false), ("a\"b", false), (&*long, false)] {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(given).expect("a header"));
            assert_eq!(request_id(&headers) == given, kept, "{given:?}");
        }
    }
}
