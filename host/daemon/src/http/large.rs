//! Answers that may be large. None of them is made on the thread that serves requests, and together they have a bound in
//! memory: see [`Answers`].
//!
//! A transcript, which has no bound of its own, is [told](told) piece by piece while its client takes it. What has a bound
//! is made as a whole, [elsewhere](elsewhere); until its client has taken it, it counts.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::unfold;
use http_body_util::BodyExt;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::{Problem, Route, State};
use crate::service::answers::Answers;
use crate::service::error::Error;
use crate::service::{Reading, code};

/// The routes whose answers may be larger than a piece of a stream is: pages of what is long, and what Codex tells.
/// Others have answers of one thing, or constants.
const ROUTES: &[&str] = &[
    "/api/sessions",
    "/api/events",
    "/api/audit",
    "/api/tokens",
    "/api/projects",
    "/api/projects/{projectId}/agent-sessions",
    "/api/approvals",
    "/api/tool-input",
    "/api/tool-calls",
    "/api/sessions/{sessionId}/approvals",
    "/api/sessions/{sessionId}/tool-input",
    "/api/sessions/{sessionId}/tool-calls",
    "/api/models",
    "/api/apps",
    "/api/skills",
    "/api/skills/remote",
    "/api/mcp/servers",
    "/api/features/experimental",
    "/api/collaboration/modes",
    "/api/config",
    "/api/config/requirements",
    "/api/agents/extensions",
    "/api/agents/extensions/{extensionId}/invocations",
];

/// How large such an answer is taken to be before it is known, in bytes. Most are smaller.
const GUESS_BYTES: usize = 1024 * 1024;

/// Has the answers of routes that may be large made elsewhere.
pub(super) fn bound(routes: &mut [Route]) {
    for route in routes.iter_mut().filter(|route| is_large(route)) {
        route.doc = route.doc.take().map(|doc| doc.refuses(&[code::TOO_MANY_ANSWERS]));
        let answers = Arc::clone(&route.answers);
        route.answers = Arc::new(move |request: Request, state: State| {
            let bounds = state.services.answers.clone();
            elsewhere(bounds, answers(request, state)).boxed()
        });
    }
}

fn is_large(route: &Route) -> bool {
    route.method == Method::GET && ROUTES.contains(&route.path)
}

/// Has an answer made on another thread, within the bounds.
async fn elsewhere(bounds: Answers, answering: BoxFuture<'static, Response>) -> Response {
    let made = async {
        let room = bounds.room(GUESS_BYTES).await?;
        let here = Handle::current();
        let response = spawn_blocking(move || here.block_on(answering)).await.map_err(Error::internal)?;
        let (parts, body) = response.into_parts();
        let Some(size) = body.size_hint().exact() else { return Ok(Response::from_parts(parts, body)) };
        let bytes = body.collect().await.map_err(Error::internal)?.to_bytes();
        let room = bounds.resize(room, usize::try_from(size).unwrap_or(usize::MAX))?;
        Ok(Response::from_parts(parts, Body::from(room.of(bytes))))
    };
    made.await.unwrap_or_else(|error: Error| Problem::from(error).into_response())
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
