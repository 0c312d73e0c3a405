//! Answers that may be large. What we make of them is not made on the thread that serves requests, and together they have a
//! bound in memory: see [`Answers`].
//!
//! A transcript, which has no bound of its own, is [told] piece by piece while its client takes it. A [list] has a bound,
//! and is made as a whole; until its client has taken it, it counts.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::response::Parts;
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

/// How large a list is taken to be before it is made, in bytes. Most are smaller.
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
            let answers = Arc::clone(&answers);
            let counted = async move {
                if is_list {
                    let (parts, _) = request.into_parts();
                    let make = || answers(Request::from_parts(parts.clone(), Body::empty()), state.clone());
                    list(&bounds, make).await
                } else {
                    told_by(&bounds, answers(request, state)).await
                }
            };
            counted.map(|made| made.unwrap_or_else(|error| Problem::from(error).into_response())).boxed()
        });
    }
}

/// Has a list made on another thread, once there is room for a short one. One that turns out to be long, and finds no room
/// then, is given up and made again when there is: meanwhile it takes none.
async fn list(bounds: &Answers, make: impl Fn() -> BoxFuture<'static, Response>) -> Result<Response, Error> {
    let mut room = bounds.short(LIST_BYTES).await?;
    loop {
        let (here, making) = (Handle::current(), make());
        // The room goes along: what is begun there is done, even where nobody waits for it any more.
        let made = spawn_blocking(move || (here.block_on(async { whole(making.await).await }), room));
        let (made, held) = made.await.map_err(Error::internal)?;
        let (parts, bytes) = made?;
        let size = bytes.len();
        if let Some(room) = bounds.fit(held, size) {
            return Ok(Response::from_parts(parts, Body::from(room.of(bytes))));
        }
        drop(bytes);
        room = bounds.room(size).await?;
    }
}

/// Finds room for what Codex tells once it has, for nobody knows before how much that is. So a few are asked for at a time.
async fn told_by(bounds: &Answers, answering: BoxFuture<'static, Response>) -> Result<Response, Error> {
    let asked = bounds.asked().await?;
    let (parts, bytes) = whole(answering.await).await?;
    let room = bounds.room(bytes.len()).await?;
    drop(asked);
    Ok(Response::from_parts(parts, Body::from(room.of(bytes))))
}

/// An answer with all of its body.
async fn whole(response: Response) -> Result<(Parts, Bytes), Error> {
    let (parts, body) = response.into_parts();
    Ok((parts, body.collect().await.map_err(Error::internal)?.to_bytes()))
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    use codex_manager_model::limits::{ANSWER_PIECE_BYTES, ANSWERS_ASKED_MAX, ANSWERS_UNTAKEN_BYTES_MAX};
    use futures_util::future::join_all;

    use super::*;
    use crate::http::routes;

    #[test]
    fn each_route_that_is_named_is_there() {
        let there: Vec<_> = routes().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
        for name in LISTS.iter().chain(TOLD) {
            assert!(there.iter().any(|route| route == name), "{name}");
        }
    }

    /// How often an answer was made.
    type Made = Arc<AtomicUsize>;

    /// An answer of a size, as it is counted when it is made.
    fn answering(made: &Made, bytes: usize) -> BoxFuture<'static, Response> {
        let made = Arc::clone(made);
        async move {
            made.fetch_add(1, Ordering::SeqCst);
            Body::from(vec![b'x'; bytes]).into_response()
        }
        .boxed()
    }

    #[tokio::test(start_paused = true)]
    async fn what_codex_tells_is_asked_for_a_few_at_a_time_where_clients_take_nothing() {
        const CLIENTS: usize = 100;
        let (bounds, made) = (Answers::new(), Made::default());
        let untaken = bounds.room(ANSWERS_UNTAKEN_BYTES_MAX).await.unwrap();
        let asked = join_all((0..CLIENTS).map(|_| told_by(&bounds, answering(&made, 1))));
        let mut asked = Box::pin(asked);
        assert!(asked.as_mut().now_or_never().is_none());
        assert_eq!(made.load(Ordering::SeqCst), ANSWERS_ASKED_MAX);
        drop(untaken);
        assert!(asked.await.iter().all(Result::is_ok), "each waits for its turn");
        assert_eq!(made.load(Ordering::SeqCst), CLIENTS);
    }

    #[tokio::test]
    async fn a_short_list_is_answered_where_clients_take_nothing_and_a_long_one_waits_with_nothing() {
        let (bounds, made) = (Answers::new(), Made::default());
        let untaken = bounds.room(ANSWERS_UNTAKEN_BYTES_MAX).await.unwrap();
        list(&bounds, || answering(&made, ANSWER_PIECE_BYTES)).await.unwrap();
        assert_eq!(made.swap(0, Ordering::SeqCst), 1);
        let (long, taken) = (list(&bounds, || answering(&made, LIST_BYTES + 1)), async {
            while made.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
            list(&bounds, || answering(&Made::default(), 1)).await.unwrap();
            drop(untaken);
        });
        let (long, ()) = futures_util::join!(long, taken);
        assert_eq!(long.unwrap().into_body().collect().await.unwrap().to_bytes().len(), LIST_BYTES + 1);
    }
}
