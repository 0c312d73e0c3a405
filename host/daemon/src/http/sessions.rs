//! `/api/sessions`: making, listing and reading sessions. What is done with one is in [`lifecycle`] and [`turns`].
//!
//! Whoever is not to come to a session at all is told so before what was sent is looked at: handlers take the body as it
//! was read, with whatever is wrong with it, and ask for it after the guard.

mod examples;
mod lifecycle;
mod turns;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use codex_manager_model::{Role, SessionId};
use serde_json::json;

use self::examples::{SESSION, THREAD, example};
use super::doc::{OF_CHILD, OF_OUTBOX};
use super::{Access, Body, Doc, Path, Problem, Query, Route, large};
use crate::service::sessions::{CreateSession, CreatedSession, ListSessions, ReadSession, SessionPage, SessionRead};
use crate::service::tokens::Bearer;
use crate::service::{Services, code};

const VIEWER: Access = Access::Role(Role::Viewer);
const OPERATOR: Access = Access::Role(Role::Operator);

pub(super) fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/sessions", VIEWER, list).doc(
            Doc::new("listSessions", "sessions", "Lists sessions, the last used first.")
                .says("Answered from our own records. Threads that others start beside this daemon appear once Codex tells of them.")
                .query::<ListSessions>()
                .answer::<SessionPage>(
                    200,
                    "A page of sessions.",
                    json!({ "data": [example(SESSION)], "nextCursor": null, "archived": false }),
                ),
        ),
        Route::post("/api/sessions", OPERATOR, create).doc(
            Doc::new("createSession", "sessions", "Makes a session: a thread of Codex, and our record of it.")
                .says("What the body leaves out is as the defaults of new sessions say. `warnings` tells what is accepted and \
                       deprecated, such as the policy `on-failure`, which Codex no longer has: it is told `on-request`.")
                .optional_body::<CreateSession>(json!({ "approvalPolicy": "untrusted" }))
                .answer::<CreatedSession>(
                    200,
                    "The session.",
                    json!({ "session": example(SESSION), "thread": example(THREAD) }),
                )
                .refuses(&[code::NOT_CONTAINED])
                .refuses(OF_CHILD)
                .refuses(OF_OUTBOX),
        ),
        Route::get("/api/sessions/{sessionId}", VIEWER, read).doc(
            Doc::new("readSession", "sessions", "Reads a session: its thread, and what was said in it.")
                .says("All of it, unless `limit` or `before` asks for a page: the last rows, or those before a row. \
                       `nextBefore` of a page is the `before` of the next. A long answer comes in pieces; one that breaks off \
                       is not whole, because the session was deleted or its turns were taken back meanwhile. Rows that come \
                       to be meanwhile are not part of it.")
                .query::<ReadSession>()
                .answer::<SessionRead>(
                    200,
                    "The session.",
                    json!({ "session": example(SESSION), "thread": example(THREAD), "transcript": [] }),
                )
                .refuses(&[code::SESSION_DELETED, code::SESSION_NOT_FOUND, code::ROW_NOT_FOUND, code::TOO_MANY_ANSWERS])
                .refuses(OF_CHILD),
        ),
    ];
    routes.extend(lifecycle::routes());
    routes.extend(turns::routes());
    routes
}

async fn list(
    State(services): State<Services>,
    Query(query): Query<ListSessions>,
) -> Result<Json<SessionPage>, Problem> {
    Ok(Json(services.sessions.list(query).await?))
}

async fn create(
    State(services): State<Services>,
    bearer: Bearer,
    Body(body): Body<CreateSession>,
) -> Result<Json<CreatedSession>, Problem> {
    Ok(Json(services.sessions.create(body, bearer.actor()).await?))
}

async fn read(
    State(services): State<Services>,
    Path(id): Path<SessionId>,
    query: Result<Query<ReadSession>, Problem>,
) -> Result<Response, Problem> {
    let session = services.sessions.readable(&id).await?;
    let Query(query) = query?;
    Ok(large::told(services.sessions.read(session, query).await?).await?)
}
