//! What a body may be: plain JSON of a bounded length. A form or a text is what a foreign page could post without being
//! asked first, so those are refused whether or not the route reads its body.

use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderValue, Method};
use codex_manager_model::limits::BODY_BYTES_MAX;

use crate::http::problem::{Problem, too_large};
use crate::service::code;
use crate::service::error::Error;

/// Checks what the headers say of the body. How much really comes is counted where it is read.
pub(super) fn body_allowed(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    coding_allowed(headers)?;
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok()).unwrap_or(0);
    if length > BODY_BYTES_MAX as u64 {
        return Err(too_large());
    }
    let encodings: Vec<&HeaderValue> = headers.get_all(CONTENT_ENCODING).iter().collect();
    if encodings.iter().any(|value| *value != "identity") {
        return Err(unsupported("encoded bodies are not taken"));
    }
    let has_body = length > 0 || headers.contains_key(TRANSFER_ENCODING);
    let mut kinds = headers.get_all(CONTENT_TYPE).iter();
    match (kinds.next(), kinds.next()) {
        (None, _) if !has_body => Ok(()),
        (Some(kind), None) if is_json(kind) => Ok(()),
        _ => Err(unsupported("the body must be `application/json`")),
    }
}

/// A body comes as it is, or in chunks. Chunks of chunks, or of something else that would have to be undone first, could
/// be read as another body by somebody between us and the client.
fn coding_allowed(headers: &HeaderMap) -> Result<(), Problem> {
    let values = headers.get_all(TRANSFER_ENCODING).iter().map(|value| value.to_str().unwrap_or_default());
    let mut codings = values.flat_map(|value| value.split(',')).map(str::trim);
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => Ok(()),
        _ => Err(Error::new(
            code::INVALID_REQUEST,
            "a body comes with `Content-Length`, or with `Transfer-Encoding: chunked` and no other coding",
        )
        .into()),
    }
}

fn is_json(kind: &HeaderValue) -> bool {
    let essence = kind.to_str().ok().and_then(|text| text.split(';').next()).map(str::trim);
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
}

fn unsupported(message: &str) -> Problem {
    let error = Error::new(code::UNSUPPORTED_MEDIA_TYPE, message);
    error.into()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;
    use axum::http::StatusCode;
    use axum::response::IntoResponse;

    use super::*;

    type Headers = &'static [(HeaderName, &'static str)];

    fn refusal(method: &Method, given: Headers) -> Option<StatusCode> {
        let headers = given.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        body_allowed(method, &headers).err().map(|problem| problem.into_response().status())
    }

    #[test]
    fn only_plain_json_of_a_bounded_length_is_taken() {
        const REFUSED: Option<StatusCode> = Some(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let table: [(Headers, Option<StatusCode>); 14] = [
            (&[], None),
            (&[(CONTENT_LENGTH, "0")], None),
            (&[(CONTENT_TYPE, "application/json"), (CONTENT_LENGTH, "2")], None),
            (&[(CONTENT_TYPE, "Application/JSON; charset=utf-8"), (CONTENT_LENGTH, "2")], None),
            (&[(CONTENT_TYPE, "application/json"), (CONTENT_ENCODING, "identity")], None),
            (&[(CONTENT_LENGTH, "2")], REFUSED),
            (&[(TRANSFER_ENCODING, "chunked")], REFUSED),
            (&[(CONTENT_TYPE, "text/plain"), (CONTENT_LENGTH, "2")], REFUSED),
            (&[(CONTENT_TYPE, "text/plain")], REFUSED),
            (&[(CONTENT_TYPE, "application/x-www-form-urlencoded")], REFUSED),
            (&[(CONTENT_TYPE, "application/jsonx")], REFUSED),
            (&[(CONTENT_TYPE, "application/json"), (CONTENT_TYPE, "text/plain")], REFUSED),
            (&[(CONTENT_TYPE, "application/json"), (CONTENT_ENCODING, "gzip")], REFUSED),
            (&[(CONTENT_TYPE, "application/json"), (CONTENT_LENGTH, "1048577")], Some(StatusCode::PAYLOAD_TOO_LARGE)),
        ];
        for (headers, expected) in table {
            assert_eq!(refusal(&Method::POST, headers), expected, "{headers:?}");
            assert_eq!(refusal(&Method::DELETE, headers), expected, "{headers:?}");
            assert_eq!(refusal(&Method::GET, headers), None, "{headers:?}");
        }
    }

    #[test]
    fn a_body_comes_in_chunks_and_in_no_other_coding() {
        for codings in [
            &["gzip, chunked"][..],
            &["chunked, chunked"],
            &["chunked,chunked"],
            &["gzip", "chunked"],
            &["chunked", "chunked"],
            &["identity"],
            &["chunked;q=1"],
            &[""],
        ] {
            let given = codings.iter().map(|coding| (TRANSFER_ENCODING, HeaderValue::from_static(coding)));
            let headers =
                HeaderMap::from_iter(given.chain([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]));
            for method in [Method::POST, Method::GET] {
                let refused = body_allowed(&method, &headers).err().map(|problem| problem.into_response().status());
                assert_eq!(refused, Some(StatusCode::BAD_REQUEST), "{method} {codings:?}");
            }
        }
        let chunked = &[(CONTENT_TYPE, "application/json"), (TRANSFER_ENCODING, "Chunked")];
        assert_eq!(refusal(&Method::POST, chunked), None);
    }
}
