//! Answers that may be large. What we make of them is not made on the thread that serves requests, and together they have a
//! bound in memory: see [`Answers`].
//!
//! A transcript, which has no bound of its own, is [told] piece by piece while its client takes it. A [list] has a bound,
//! and is made as a whole; until its client has taken it, it counts.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::unfold;
use http_body_util::BodyExt;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::{Problem, Route, State};
use crate::service::answers::{Answers, Share};
use crate::service::error::Error;
use crate::service::{Reading, code};

/// The lists: pages of what is long. They are made from our own records.
const LISTS: &[&str] = &[
    "GET /api/sessions",
    "GET /api/events",
    "GET /api/audit",
    "GET /api/tokens",
    "GET /api/projects",
    "GET /api/projects/{projectId}/agent-sessions",
    "GET /api/approvals",
    "GET /api/tool-input",
    "GET /api/tool-calls",
    "GET /api/sessions/{sessionId}/approvals",
    "GET /api/sessions/{sessionId}/tool-input",
    "GET /api/sessions/{sessionId}/tool-calls",
    "GET /api/operations/{operationId}",
    "GET /api/agents/extensions",
    "GET /api/agents/extensions/{extensionId}/invocations",
];

/// What Codex tells, however much that is.
const TOLD: &[&str] = &[
    "GET /api/account",
    "GET /api/account/rate-limits",
    "GET /api/apps",
    "GET /api/collaboration/modes",
    "GET /api/config",
    "GET /api/config/requirements",
    "GET /api/features/experimental",
    "GET /api/mcp/servers",
    "GET /api/models",
    "GET /api/skills",
    "GET /api/skills/remote",
    "POST /api/codex/call",
];

/// How large a list is taken to be before it is known, in bytes. Most are smaller.
const LIST_BYTES: usize = 1024 * 1024;

/// Has the answers of routes that may be large counted, and those that are lists made elsewhere.
pub(super) fn bound(routes: &mut [Route]) {
    for route in routes {
        let name = format!("{} {}", route.method, route.path);
        let (is_list, is_told) = (LISTS.contains(&name.as_str()), TOLD.contains(&name.as_str()));
        if !is_list && !is_told {
            continue;
        }
        route.doc = route.doc.take().map(|doc| doc.refuses(&[code::TOO_MANY_ANSWERS]));
        let answers = Arc::clone(&route.answers);
        route.answers = Arc::new(move |request: Request, state: State| {
            let bounds = state.services.answers.clone();
            let answering = answers(request, state);
            let counted =
                async move { if is_list { list(&bounds, answering).await } else { told_by(&bounds, answering).await } };
            counted.map(|made| made.unwrap_or_else(|error| Problem::from(error).into_response())).boxed()
        });
    }
}

/// Has a list made on another thread, once there is room for it.
async fn list(bounds: &Answers, answering: BoxFuture<'static, Response>) -> Result<Response, Error> {
    let room = bounds.room(LIST_BYTES).await?;
    let here = Handle::current();
    let response = spawn_blocking(move || here.block_on(answering)).await.map_err(Error::internal)?;
    count(bounds, room, response).await
}

/// Finds room for what Codex tells once it has: it may take its time, and holds up nobody meanwhile.
async fn told_by(bounds: &Answers, answering: BoxFuture<'static, Response>) -> Result<Response, Error> {
    let response = answering.await;
    let room = bounds.room(1).await?;
    count(bounds, room, response).await
}

/// Counts the body of an answer until its client has taken it.
async fn count(bounds: &Answers, room: Share, response: Response) -> Result<Response, Error> {
    let (parts, body) = response.into_parts();
    let Some(size) = body.size_hint().exact() else { return Ok(Response::from_parts(parts, body)) };
    let bytes = body.collect().await.map_err(Error::internal)?.to_bytes();
    let room = bounds.resize(room, usize::try_from(size).unwrap_or(usize::MAX))?;
    Ok(Response::from_parts(parts, Body::from(room.of(bytes))))
}

/// An answer that is told piece by piece. What fits into one piece is sent as a whole; what is refused before there is a
/// piece is refused like anything else.
pub(super) async fn told(mut reading: Reading) -> Result<Response, Error> {
    let first = reading.next().await?;
    let body =
        if reading.is_over() { Body::from(first) } else { Body::from_stream(unfold(Some((first, reading)), next)) };
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

/// What is told now, and what comes after it. An error breaks the answer off.
async fn next(under_way: Option<(Bytes, Reading)>) -> Option<(Result<Bytes, Error>, Option<(Bytes, Reading)>)> {
    let (piece, mut reading) = under_way?;
    if piece.is_empty() {
        return match reading.next().await {
            Ok(piece) if reading.is_over() => Some((Ok(piece), None)),
            Ok(piece) => Some((Ok(piece), Some((Bytes::new(), reading)))),
            Err(error) => {
                tracing::info!(%error, "an answer breaks off");
                Some((Err(error), None))
            }
        };
    }
    Some((Ok(piece), Some((Bytes::new(), reading))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::routes;

    #[test]
    fn each_route_that_is_named_is_there() {
        let there: Vec<_> = routes().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
        for name in LISTS.iter().chain(TOLD) {
            assert!(there.iter().any(|route| route == name), "{name}");
        }
    }
}
