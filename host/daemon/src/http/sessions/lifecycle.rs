//! What becomes of a session as a whole: forked, renamed, put away, got back, resumed.

use axum::Json;
use axum::extract::State;
use codex_manager_model::SessionId;
use serde_json::json;

use super::OPERATOR;
use super::examples::{ID, SESSION, THREAD, example};
use crate::http::doc::{OF_CHILD, OF_OUTBOX, OF_SESSION};
use crate::http::{Body, Doc, Path, Problem, Route};
use crate::service::sessions::{
    ArchivedSession, ChangedSession, ForkedSession, Rename, Resume, ResumedSession, UnarchivedSession,
};
use crate::service::tokens::Bearer;
use crate::service::{Services, code};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/sessions/{sessionId}/fork", OPERATOR, fork).doc(
            Doc::new("forkSession", "sessions", "Makes a session that begins with what was said in this one.")
                .says("The new session has the controls, the name and the project of this one.")
                .answer::<ForkedSession>(
                    200,
                    "The new session.",
                    json!({
                        "status": "ok", "sourceSessionId": "01a20238-64ff-7eb2-bdfc-7c00d989929d",
                        "session": example(SESSION), "thread": example(THREAD),
                    }),
                )
                .refuses(OF_SESSION)
                .refuses(&[code::NOT_CONTAINED, code::NOT_MATERIALIZED, code::THREAD_MISSING])
                .refuses(OF_CHILD)
                .refuses(OF_OUTBOX),
        ),
        Route::post("/api/sessions/{sessionId}/rename", OPERATOR, rename).doc(
            Doc::new("renameSession", "sessions", "Gives a session a title.")
                .says("The title is ours at once; Codex is told as soon as it can be, if need be when it has started again.")
                .body::<Rename>(json!({ "title": "Tidy the tests" }))
                .answer::<ChangedSession>(200, "The session.", json!({ "status": "ok", "session": example(SESSION) }))
                .refuses(OF_SESSION),
        ),
        Route::post("/api/sessions/{sessionId}/archive", OPERATOR, archive).doc(
            Doc::new("archiveSession", "sessions", "Puts a session away. One that is away already stays so.")
                .answer::<ArchivedSession>(200, "The session is away.", json!({ "status": "ok", "sessionId": ID }))
                .refuses(OF_SESSION)
                .refuses(&[code::NOT_MATERIALIZED, code::THREAD_MISSING])
                .refuses(OF_CHILD)
                .refuses(OF_OUTBOX),
        ),
        Route::post("/api/sessions/{sessionId}/unarchive", OPERATOR, unarchive).doc(
            Doc::new("unarchiveSession", "sessions", "Gets back a session that was put away.")
                .answer::<UnarchivedSession>(
                    200,
                    "The session is back.",
                    json!({ "status": "ok", "session": example(SESSION), "thread": example(THREAD) }),
                )
                .refuses(OF_SESSION)
                .refuses(OF_CHILD)
                .refuses(OF_OUTBOX),
        ),
        Route::post("/api/sessions/{sessionId}/resume", OPERATOR, resume).doc(
            Doc::new("resumeSession", "sessions", "Has Codex load the session's thread, with the session's controls.")
                .says("Whatever needs a loaded thread loads it by itself. `dynamicTools` are accepted and without effect: \
                       Codex fixes them when a thread is started.")
                .optional_body::<Resume>(json!({}))
                .answer::<ResumedSession>(
                    200,
                    "The thread is loaded.",
                    json!({ "session": example(SESSION), "thread": example(THREAD) }),
                )
                .refuses(OF_SESSION)
                .refuses(&[code::NOT_CONTAINED, code::NOT_MATERIALIZED, code::THREAD_MISSING])
                .refuses(OF_CHILD)
                .refuses(OF_OUTBOX),
        ),
    ]
}

async fn fork(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
) -> Result<Json<ForkedSession>, Problem> {
    let session = services.sessions.usable(&id).await?;
    Ok(Json(services.sessions.fork(session, bearer.actor()).await?))
}

async fn rename(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
    body: Result<Body<Rename>, Problem>,
) -> Result<Json<ChangedSession>, Problem> {
    let session = services.sessions.usable(&id).await?;
    let Body(body) = body?;
    Ok(Json(services.sessions.rename(session, body, bearer.actor()).await?))
}

async fn archive(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
) -> Result<Json<ArchivedSession>, Problem> {
    let session = services.sessions.usable(&id).await?;
    Ok(Json(services.sessions.archive(session, bearer.actor()).await?))
}

async fn unarchive(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
) -> Result<Json<UnarchivedSession>, Problem> {
    let session = services.sessions.usable(&id).await?;
    Ok(Json(services.sessions.unarchive(session, bearer.actor()).await?))
}

async fn resume(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
    body: Result<Body<Resume>, Problem>,
) -> Result<Json<ResumedSession>, Problem> {
    let session = services.sessions.usable(&id).await?;
    let Body(body) = body?;
    Ok(Json(services.sessions.resume(session, body, bearer.actor()).await?))
}
