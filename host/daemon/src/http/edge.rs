//! The outermost layer: gives every request an id, catches panics, and writes problems out.
//!
//! It wraps the fallbacks too, so no answer leaves without an `x-request-id`, and no refusal in another shape.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use uuid::Uuid;

use super::Problem;
use crate::service::error::{Error, Kind};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id of a request that is taken over from its sender, in characters.
const REQUEST_ID_CHARS_MAX: usize = 64;

/// Answers one request, whatever happens below.
pub(super) async fn answer(request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let mut response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
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
    let value = HeaderValue::from_str(&id).expect("an id of a request is made of letters, digits, `.`, `_` and `-`");
    response.headers_mut().insert(REQUEST_ID, value);
    response
}

/// The sender's id where it can stand in a log line, else one of ours.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(|id| is_sane(id));
    given.map_or_else(|| format!("req_{}", Uuid::now_v7().simple()), ToOwned::to_owned)
}

fn is_sane(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !id.is_empty() && id.len() <= REQUEST_ID_CHARS_MAX && id.bytes().all(plain)
}

fn panicked(panic: &(dyn Any + Send), request_id: &str) -> Problem {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(request_id, panic = said.unwrap_or("no text"), "a handler panicked");
    Error::new(Kind::Internal, "internal_error", "internal server error").into()
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
