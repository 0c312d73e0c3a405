//! `Idempotency-Key`: a client names a request, so that it is done once however often it is sent.
//!
//! The name, with what was asked under it, is on the disk before anything is done, and the answer before it is sent. In
//! between, what is done is recorded with the name (see [`Keyed`]). So the same request gets the same answer, another
//! one under the same name is refused, and after a crash it goes on from where it was.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use codex_manager_model::limits::{KEPT_ANSWER_BYTES_MAX, REQUEST_KEY_CHARS_MAX};
use codex_manager_model::{RequestKey, SessionId};
use codex_manager_store::KeptAnswer;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Problem;
use super::asked::Asked;
use super::edge::RequestId;
use super::extract::{invalid, whole};
use crate::service::keyed::Keyed;
use crate::service::requests::{Begun, Claim, Requests};
use crate::service::tokens::Bearer;
use crate::service::{Kind, code};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is the one of an earlier time.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Marks an answer that holds a secret, which is not to lie on the disk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotKept;

/// Has a request handled; one that has a name, once.
pub(super) fn once<'a>(requests: &'a Requests, request: Request, asked: &'a Asked<'_>) -> BoxFuture<'a, Response> {
    let named = asked.method == Method::POST && request.headers().contains_key(IDEMPOTENCY_KEY);
    let bearer = request.extensions().get::<Bearer>().filter(|_| named).cloned();
    match bearer {
        Some(bearer) => {
            let answered = keyed(requests, bearer, request, asked);
            answered.map(|answer| answer.unwrap_or_else(IntoResponse::into_response)).boxed()
        }
        None => asked.answer(request),
    }
}

async fn keyed(requests: &Requests, bearer: Bearer, request: Request, asked: &Asked<'_>) -> Result<Response, Problem> {
    let key = RequestKey { owner: bearer.token.to_string(), name: name(request.headers())? };
    let session = session_of(asked, request.uri().path());
    let (parts, body) = request.into_parts();
    let body = whole(body).await?;
    let fingerprint = fingerprint(&parts.method, &parts.uri, &body);
    let claim = match requests.begin(key, fingerprint, session).await? {
        Begun::Answered(answer) => return Ok(replayed(answer)),
        Begun::Do(claim) => claim,
    };
    let request = Request::from_parts(parts, Body::from(body));
    let response = Keyed::run(claim.key().clone(), asked.answer(request)).await;
    tracing::trace!(target: "codex_manager::arrow", at = "request_done");
    keep(requests, claim, response, &asked.id).await
}

/// One name, of characters that can be seen.
fn name(headers: &HeaderMap) -> Result<String, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let (name, more) = (values.next(), values.next());
    if more.is_some() {
        return Err(invalid("there is more than one Idempotency-Key").into());
    }
    let name = name.and_then(|name| name.to_str().ok());
    let visible = |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    let name = name.filter(visible).filter(|name| name.len() <= REQUEST_KEY_CHARS_MAX);
    let wrong = || invalid(format!("an Idempotency-Key has 1 to {REQUEST_KEY_CHARS_MAX} visible ASCII characters"));
    name.map(str::to_owned).ok_or_else(|| wrong().into())
}

/// The session whose route it is.
fn session_of(asked: &Asked<'_>, path: &str) -> Option<SessionId> {
    let of_one = asked.route()?.starts_with("/api/sessions/{");
    let id = of_one.then(|| path.split('/').nth(3)).flatten()?;
    Some(SessionId::new(id))
}

fn fingerprint(method: &Method, uri: &axum::http::Uri, body: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    // None of the first two can hold a line break.
    digest.update(format!("{method}\n{uri}\n"));
    digest.update(body);
    digest.finalize().into()
}

/// Keeps an answer that stands. One that only says "not now", or that nobody knows yet, is not the request's answer.
async fn keep(requests: &Requests, claim: Claim, mut response: Response, id: &RequestId) -> Result<Response, Problem> {
    let problem = response.extensions_mut().remove::<Problem>();
    if let Some(problem) = &problem
        && (problem.code().word == code::OUTCOME_UNKNOWN.word || problem.kind() == Kind::Timeout)
    {
        return Err(problem.clone());
    }
    if response.status().is_server_error() || response.status() == StatusCode::TOO_MANY_REQUESTS {
        requests.undone(claim).await?;
        return problem.map_or(Ok(response), Err);
    }
    let unkept = response.extensions().get::<NotKept>().is_some();
    let response = problem.map_or(response, |problem| problem.render(id.as_str()));
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let media = parts.headers.get(CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default().to_owned();
    if body.len() <= KEPT_ANSWER_BYTES_MAX {
        let kept = (!unkept).then(|| body.to_vec());
        let answer = KeptAnswer { status: parts.status.as_u16(), media, body: kept };
        requests.answered(claim, answer, made(&body)).await?;
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// The session that the answer tells of.
fn made(body: &Bytes) -> Option<SessionId> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body.pointer("/session/sessionId").and_then(Value::as_str).map(SessionId::new)
}

fn replayed(answer: KeptAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let media = HeaderValue::from_str(&answer.media).ok();
    let mut response = (status, answer.body.unwrap_or_default()).into_response();
    response.headers_mut().remove(CONTENT_TYPE);
    if let Some(media) = media {
        response.headers_mut().insert(CONTENT_TYPE, media);
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
