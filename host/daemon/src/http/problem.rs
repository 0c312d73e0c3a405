//! A "no" on the wire: `application/problem+json` with the members of older clients (`status`, `code`, `message`)
//! beside the standard ones.
//!
//! What is *not* here: deciding. Use cases answer in [`Kind`]s; this file alone knows which status number each one is.
//! A handler returns a [`Problem`] without knowing the request's id; the [edge](super::edge) writes it out and adds that.

use std::error::Error as StdError;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use codex_manager_model::limits::BODY_BYTES_MAX;
use serde_json::{Map, Value};

use crate::service::code::{self, Code};
use crate::service::error::{Error, Kind};

/// What every handler may answer instead of its result.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    error: Arc<Error>,
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self { status: status_of(error.kind), error: Arc::new(error) }
    }
}

impl Problem {
    /// Which case it is.
    pub(super) fn code(&self) -> &'static Code {
        self.error.code
    }

    /// What kind of "no" it is.
    pub(super) fn kind(&self) -> Kind {
        self.error.kind
    }

    /// Writes the problem out under the id of its request, and tells the log what the client is not told.
    pub(super) fn render(&self, request_id: &str) -> Response {
        self.log(request_id);
        let mut response = Response::new(Body::from(Value::Object(self.members(request_id)).to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(delay) = self.error.retry_after {
            // A client that comes back early is refused again, so part of a second counts as a whole one.
            let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"codex-manager\""));
        }
        response
    }

    /// The standard members, then the context, which may name a better `title`, then those that clients match on.
    fn members(&self, request_id: &str) -> Map<String, Value> {
        let error = &self.error;
        let mut members = Map::new();
        members.insert("type".to_owned(), address(error.code).into());
        members.insert("title".to_owned(), self.status.canonical_reason().unwrap_or("Error").into());
        members.insert("detail".to_owned(), error.message.clone().into());
        if let Some(hint) = &error.hint {
            members.insert("hint".to_owned(), hint.clone().into());
        }
        members.extend(error.context.iter().map(|(member, value)| (member.clone(), value.clone())));
        members.insert("status".to_owned(), error.status.into());
        members.insert("code".to_owned(), error.code.word.into());
        members.insert("message".to_owned(), error.message.clone().into());
        // What the child asked is a request too, and whoever answers one means that. This one's id is in a header anyway.
        members.entry("requestId").or_insert_with(|| request_id.into());
        members
    }

    fn log(&self, request_id: &str) {
        let Some(source) = &self.error.source else { return };
        let causes = causes(source.as_ref());
        tracing::error!(request_id, code = self.error.code.word, causes, "a request failed");
    }
}

impl IntoResponse for Problem {
    /// An empty response that carries the problem to the edge.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Where a code is [explained](super::errors).
pub(super) fn address(code: &Code) -> String {
    format!("/errors/{}", code.word.replace('_', "-"))
}

pub(crate) const fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Gone => StatusCode::GONE,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Unsupported => StatusCode::NOT_IMPLEMENTED,
        // Not 502: clients know a failure of Codex as `500 codex_error`.
        Kind::Upstream | Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Full => StatusCode::INSUFFICIENT_STORAGE,
        Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::AddressTooLong => StatusCode::URI_TOO_LONG,
        Kind::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Kind::TooSlow => StatusCode::REQUEST_TIMEOUT,
        Kind::WrongMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Kind::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
        Kind::Misdirected => StatusCode::MISDIRECTED_REQUEST,
        Kind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Kind::Locked => StatusCode::LOCKED,
        Kind::Mismatch => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// The whole chain of causes in one line.
fn causes(source: &(dyn StdError + 'static)) -> String {
    let mut text = source.to_string();
    let mut next = source.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// A body that is longer than any may be.
pub(in crate::http) fn too_large() -> Problem {
    let message = format!("a body may have {BODY_BYTES_MAX} bytes");
    Error::new(code::BODY_TOO_LARGE, message).into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn body(error: Error) -> Map<String, Value> {
        Problem::from(error).members("req_1")
    }

    #[test]
    fn a_problem_has_the_members_of_older_clients_and_the_standard_ones() {
        let members = body(Error::not_found(code::SESSION_NOT_FOUND, "sessionId", "s1").hint("list them"));
        let expected = serde_json::json!({
            "type": "/errors/session-not-found", "title": "Not Found", "detail": "there is no session s1",
            "hint": "list them", "sessionId": "s1", "status": "not_found", "code": "session_not_found",
            "message": "there is no session s1", "requestId": "req_1",
        });
        assert_eq!(Value::Object(members), expected);
    }

    #[test]
    fn context_may_replace_the_title_but_not_what_clients_match_on() {
        let error = Error::new(code::SESSION_DELETED, "gone").status("deleted");
        let members = body(error.with("title", "My session").with("code", "forged"));
        assert_eq!(members["title"], "My session");
        assert_eq!(members["code"], "session_deleted");
        assert_eq!(members["requestId"], "req_1");
        let asked = body(Error::not_found(code::TOOL_CALL_NOT_FOUND, "requestId", "call_1"));
        assert_eq!(asked["requestId"], "call_1", "what older clients call a request is what the child asked");
    }

    #[test]
    fn a_delay_is_told_in_whole_seconds_rounded_up() {
        let error = Error::new(code::CODEX_RESTARTING, "no").retry_after(Duration::from_millis(1200));
        let response = Problem::from(error).render("req_1");
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[RETRY_AFTER], "2");
    }

    #[test]
    fn the_source_of_an_internal_error_is_not_shown() {
        let error = Error::internal(std::io::Error::other("/home/me/secret is broken"));
        let text = Value::Object(body(error)).to_string();
        assert!(!text.contains("secret"), "{text}");
        assert!(text.contains("internal_error"), "{text}");
    }
}
