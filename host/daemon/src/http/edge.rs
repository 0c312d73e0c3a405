//! The outermost part: gives every request an id, catches panics, writes problems out, and has what acted written down.
//!
//! It has every answer, also to what is no route: none leaves without an `x-request-id`, and no refusal in another shape.

mod record;

use std::any::Any;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use super::Problem;
use crate::service::code;
use crate::service::error::Error;
pub(super) use record::Record;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id of a request that is taken over from its sender, in characters.
const REQUEST_ID_CHARS_MAX: usize = 64;

/// What the log, and whoever asks, calls a request: letters, digits, `.`, `_` and `-`.
#[derive(Debug, Clone)]
pub(super) struct RequestId(HeaderValue);

impl RequestId {
    /// The sender's id where it can stand in a log line, else one of ours.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(REQUEST_ID).filter(|value| value.to_str().is_ok_and(is_sane));
        given.map_or_else(Self::fresh, |value| Self(value.clone()))
    }

    /// An id of ours.
    pub(super) fn fresh() -> Self {
        // The randomness of this thread: asking the system for it with each request would take longer than many answers.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let milliseconds = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let id = uuid::Builder::from_unix_timestamp_millis(milliseconds, &rand::random()).into_uuid();
        let mut text = *b"req_00000000000000000000000000000000";
        id.simple().encode_lower(&mut text[4..]);
        Self(HeaderValue::from_bytes(&text).expect("letters and digits"))
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.to_str().expect("an id is text")
    }
}

/// An answer as it leaves: of a handler, or for one that panicked.
pub(super) fn finish(answered: Result<Response, Box<dyn Any + Send>>, id: &RequestId) -> Response {
    let mut response = answered.unwrap_or_else(|panic| panicked(panic.as_ref(), id).into_response());
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let rendered = problem.render(id.as_str());
        // Headers that were set on the way out stay, such as the `Allow` of a 405.
        let (parts, body) = rendered.into_parts();
        *response.body_mut() = body;
        response.headers_mut().remove(axum::http::header::CONTENT_LENGTH);
        response.headers_mut().extend(parts.headers);
    }
    response.headers_mut().insert(REQUEST_ID, id.0.clone());
    response
}

/// A problem by itself, as it leaves.
pub(super) fn written(problem: &Problem, id: &RequestId) -> Response {
    let mut response = problem.render(id.as_str());
    response.headers_mut().insert(REQUEST_ID, id.0.clone());
    response
}

fn is_sane(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !id.is_empty() && id.len() <= REQUEST_ID_CHARS_MAX && id.bytes().all(plain)
}

fn panicked(panic: &(dyn Any + Send), id: &RequestId) -> Problem {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(request_id = id.as_str(), panic = said.unwrap_or("no text"), "a handler panicked");
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
            assert_eq!(RequestId::of(&headers).as_str() == given, kept, "{given:?}");
        }
    }
}
