//! What handlers take from a request. Each extractor refuses with a [`Problem`] that says where the input is wrong.
//!
//! What is too deep or too wide is refused before anything is built from it.

mod bounds;

use std::borrow::Cow;

use axum::body::Body as RawBody;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use codex_manager_model::limits::{BODY_BYTES_MAX, BODY_READ_MAX};
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;
use serde::de::value::{self, SeqDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde_json::{Value, json};
use serde_path_to_error::Segment;

use super::Problem;
use super::drain::drain_rest;
use super::problem::too_large;
use super::table::Parameters;
use crate::service::code;
use crate::service::error::Error;

/// The longest message about a wrong input, in characters. serde repeats the input in it, however long that is.
const ISSUE_CHARS_MAX: usize = 300;

/// The JSON body. A request without any body counts as `{}`.
pub(crate) struct Body<T>(pub(crate) T);

/// The query.
pub(crate) struct Query<T>(pub(crate) T);

/// The path's parameters.
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = whole(request.into_body()).await?;
        if bytes.is_empty() { parse(b"{}") } else { parse(&bytes) }.map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(wrong_query(&rejection.body_text())),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let sent = parts.extensions.get::<Parameters>().map_or(&[][..], |parameters| &parameters.0);
        let decoded: Result<Vec<_>, _> = sent.iter().map(|value| percent_decode_str(value).decode_utf8()).collect();
        let read = decoded.map_err(|error| error.to_string()).and_then(|values| parameters(&values));
        // What cannot be an id is nobody's.
        read.map(Self).map_err(|why| {
            let message = format!("the path names nothing: {}", clip(&why));
            Error::new(code::ROUTE_NOT_FOUND, message).status("not_found").into()
        })
    }
}

/// One is taken by itself, several as a tuple.
fn parameters<T: DeserializeOwned>(values: &[Cow<'_, str>]) -> Result<T, String> {
    let read: Result<T, value::Error> = match values {
        [value] => T::deserialize(value.as_ref().into_deserializer()),
        values => T::deserialize(SeqDeserializer::new(values.iter().map(AsRef::<str>::as_ref))),
    };
    read.map_err(|error| error.to_string())
}

/// A request whose input is wrong.
pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(code::INVALID_REQUEST, message)
}

fn too_slow() -> Problem {
    let message = format!("the body did not arrive within {} seconds", BODY_READ_MAX.as_secs());
    Error::new(code::BODY_TOO_SLOW, message).into()
}

/// The whole body, if it is not longer than any may be and comes in time.
pub(super) async fn whole(body: RawBody) -> Result<Vec<u8>, Problem> {
    tokio::time::timeout(BODY_READ_MAX, read(body)).await.unwrap_or_else(|_| Err(too_slow()))
}

async fn read(mut body: RawBody) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| invalid("the body ended before it was complete"))?;
        bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        if bytes.len() > BODY_BYTES_MAX {
            drain_rest(body).await;
            return Err(too_large());
        }
    }
    Ok(bytes)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    bounds::check(bytes)?;
    let mut source = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut source).map_err(|error| mismatch(&error))?;
    source.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn mismatch(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    if !error.inner().is_data() {
        return malformed(error.inner());
    }
    issue(error.path().iter().filter_map(step).collect(), &without_place(error.inner()))
}

/// What the framework says of a query, which begins with the member that is wrong.
fn wrong_query(said: &str) -> Problem {
    let said = said.strip_prefix("Failed to deserialize query string: ").unwrap_or(said);
    match said.split_once(": ") {
        Some((member, message)) if member.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            issue(vec![member.into()], message)
        }
        _ => issue(Vec::new(), said),
    }
}

/// A request that is well-formed and not what the operation takes.
pub(super) fn issue(mut path: Vec<Value>, message: &str) -> Problem {
    if let Some(member) = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        path.push(member.into());
    }
    let issue = json!({ "path": path, "code": issue_code(message), "message": clip(message) });
    invalid("request validation failed").with("issues", vec![issue]).into()
}

fn malformed(error: &serde_json::Error) -> Problem {
    invalid(format!("the body is not JSON: {}", clip(&error.to_string())))
        .with("line", error.line())
        .with("column", error.column())
        .into()
}

fn step(segment: &Segment) -> Option<Value> {
    match segment {
        Segment::Seq { index } => Some((*index).into()),
        Segment::Map { key } => Some(clip(key).into()),
        Segment::Enum { variant } => Some(variant.clone().into()),
        Segment::Unknown => None,
    }
}

/// serde_json ends its messages with ` at line 1 column 7`, which says nothing to who sent an object.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).map_or_else(|| text.clone(), ToOwned::to_owned)
}

fn issue_code(message: &str) -> &'static str {
    const CODES: [(&str, &str); 4] = [
        ("missing field", "required"),
        ("unknown field", "unrecognized_key"),
        ("unknown variant", "invalid_enum_value"),
        ("invalid type", "invalid_type"),
    ];
    CODES.iter().find(|(start, _)| message.starts_with(start)).map_or("invalid_value", |(_, code)| code)
}

pub(super) fn clip(text: &str) -> String {
    match text.char_indices().nth(ISSUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::http::StatusCode;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it parses is looked at")]
    struct Send {
        text: String,
        #[serde(default)]
        tools: Vec<Tool>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only whether it parses is looked at")]
    struct Tool {
        limit: u8,
    }

    async fn refusal(body: &str) -> (StatusCode, Value) {
        let problem = parse::<Send>(body.as_bytes()).expect_err("the body is wrong");
        let response = problem.render("req_1");
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        (status, serde_json::from_slice(&bytes).expect("JSON"))
    }

    #[tokio::test]
    async fn a_mismatch_names_its_place() {
        let table = [
            (r#"{}"#, json!(["text"]), "required"),
            (r#"{"text":1}"#, json!(["text"]), "invalid_type"),
            (r#"{"text":"a","tools":[{"limit":1},{"limit":"x"}]}"#, json!(["tools", 1, "limit"]), "invalid_type"),
            (r#"{"text":"a","tools":[{}]}"#, json!(["tools", 0, "limit"]), "required"),
            (r#"{"text":"a","tools":[{"limit":256}]}"#, json!(["tools", 0, "limit"]), "invalid_value"),
            (r#"{"text":"a","more":1}"#, json!(["more"]), "unrecognized_key"),
            (r#"[]"#, json!([]), "invalid_value"),
        ];
        for (body, path, code) in table {
            let (status, answer) = refusal(body).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
            assert_eq!(answer["code"], "invalid_request", "{body}");
            assert_eq!(answer["issues"][0]["path"], path, "{body}");
            assert_eq!(answer["issues"][0]["code"], code, "{body}");
        }
    }

    #[tokio::test]
    async fn what_is_not_json_is_told_with_line_and_column() {
        for body in ["{", "{\"text\":\"a\"} x", "{\n\"text\":tru}", "\u{0}", "{'text':1}"] {
            let (status, answer) = refusal(body).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{body:?}");
            assert_eq!(answer["code"], "invalid_request", "{body:?}");
            assert!(answer["line"].is_u64() && answer["column"].is_u64(), "{body:?}: {answer}");
        }
    }

    #[tokio::test]
    async fn nesting_without_end_is_refused() {
        let (status, answer) = refusal(&"[".repeat(100_000)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(answer.to_string().len() < 1000, "{answer}");
    }

    #[tokio::test]
    async fn a_long_input_is_not_repeated_in_full() {
        let long = "x".repeat(100_000);
        for body in [format!("{{\"text\":\"a\",\"tools\":\"{long}\"}}"), format!("{{\"text\":\"a\",\"{long}\":1}}")] {
            let (_, answer) = refusal(&body).await;
            assert!(answer.to_string().len() < 1500, "{} bytes", answer.to_string().len());
        }
    }
}
