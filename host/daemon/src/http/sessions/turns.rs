//! What begins, changes and ends the turns of a session.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use codex_manager_model::{SessionId, TurnId};
use serde_json::{Value, json};

use super::OPERATOR;
use super::examples::{ID, TURN};
use crate::http::doc::{OF_CHILD, OF_OUTBOX, OF_SESSION};
use crate::http::{Body, Doc, Path, Problem, Route};
use crate::service::sessions::{
    Interrupt, MessageAccepted, Review, Rollback, RolledBack, SendMessage, SessionCalled, Steer, TurnInterrupted,
    TurnSteered,
};
use crate::service::tokens::Bearer;
use crate::service::{Services, code};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/sessions/{sessionId}/messages", OPERATOR, send).doc(send_doc()),
        Route::post("/api/sessions/{sessionId}/turns/{turnId}/steer", OPERATOR, steer).doc(steer_doc()),
        Route::post("/api/sessions/{sessionId}/interrupt", OPERATOR, interrupt).doc(
            Doc::new("interruptSessionTurn", "sessions", "Interrupts the turn that runs.")
                .says("A command that it runs goes on; `background-terminals/clean` ends it.")
                .optional_body::<Interrupt>(json!({}))
                .answer::<TurnInterrupted>(
                    200,
                    "The turn is ending.",
                    json!({ "status": "ok", "sessionId": ID, "turnId": TURN }),
                )
                .refuses(&[code::NO_ACTIVE_TURN]),
        ),
        Route::post("/api/sessions/{sessionId}/rollback", OPERATOR, rollback).doc(
            Doc::new("rollbackSession", "sessions", "Takes the last turns back, as if they had never been.")
                .says("What commands have changed on the disk stays changed. Not while a turn runs.")
                .optional_body::<Rollback>(json!({ "numTurns": 1 }))
                .answer::<RolledBack>(
                    200,
                    "The turns are gone.",
                    json!({ "status": "ok", "sessionId": ID, "numTurns": 1, "result": {} }),
                ),
        ),
        Route::post("/api/sessions/{sessionId}/compact", OPERATOR, compact).doc(called(
            "compactSession",
            "Has Codex replace what was said so far with a summary, in a turn of its own.",
        )),
        Route::post("/api/sessions/{sessionId}/background-terminals/clean", OPERATOR, clean)
            .doc(called("cleanBackgroundTerminals", "Has Codex end the commands that run on in the background.")),
        Route::post("/api/sessions/{sessionId}/review", OPERATOR, review).doc(
            called("startReview", "Has Codex review something, in a turn of its own.")
                .optional_body::<Review>(json!({ "targetType": "baseBranch", "branch": "main" }))
                .body_is(a_commit_is_named()),
        ),
    ]
    .into_iter()
    .map(of_turns)
    .collect()
}

/// What all of them may refuse with.
fn of_turns(mut route: Route) -> Route {
    route.doc = route.doc.map(|doc| {
        doc.refuses(OF_SESSION)
            .refuses(&[code::NOT_CONTAINED, code::NOT_MATERIALIZED, code::THREAD_MISSING])
            .refuses(OF_CHILD)
            .refuses(OF_OUTBOX)
    });
    route
}

fn send_doc() -> Doc {
    Doc::new("sendSessionMessage", "sessions", "Sends a message, which starts a turn.")
        .says("What the message says of the controls holds for the session from then on. While a turn runs, the message \
               joins it, and what the model was saying is dropped. `dynamicTools` are accepted and without effect: Codex \
               fixes them when a thread is started. `on-failure` is deprecated, and told to Codex as `on-request`; \
               `warnings` says so.")
        .body::<SendMessage>(json!({ "text": "Tidy the tests", "effort": "medium" }))
        .answer::<MessageAccepted>(
            202,
            "Codex has the message.",
            json!({ "status": "accepted", "sessionId": ID, "turnId": TURN }),
        )
}

fn steer_doc() -> Doc {
    let result = json!({ "actionType": "turn.steer", "status": "performed", "details": { "turnId": TURN } });
    Doc::new("steerTurn", "sessions", "Says something to the turn that runs.")
        .says("`result` tells also of a refusal what became of it.")
        .body::<Steer>(json!({ "input": "Only the unit tests." }))
        .answer::<TurnSteered>(
            200,
            "The turn was told.",
            json!({ "status": "ok", "sessionId": ID, "turnId": TURN, "result": result }),
        )
        .refuses(&[code::STEER_CONFLICT, code::STEER_NOT_ELIGIBLE, code::STEER_FAILED])
}

/// A review of a commit says which.
fn a_commit_is_named() -> Value {
    let commit = json!({ "targetType": { "type": "string", "enum": ["commit"] }, "sha": { "type": "string", "pattern": r"[^\s\u0085]" } });
    let other = json!({ "targetType": { "type": "string", "enum": ["uncommittedChanges", "baseBranch", "custom"] } });
    json!({ "oneOf": [
        { "type": "object", "required": ["targetType", "sha"], "properties": commit },
        { "type": "object", "properties": other },
    ] })
}

fn called(id: &'static str, summary: &'static str) -> Doc {
    Doc::new(id, "sessions", summary).answer::<SessionCalled>(
        200,
        "Codex has begun, or is done.",
        json!({ "status": "ok", "sessionId": ID, "result": {} }),
    )
}

async fn send(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
    body: Result<Body<SendMessage>, Problem>,
) -> Result<(StatusCode, Json<MessageAccepted>), Problem> {
    let session = services.sessions.usable(&id).await?;
    let Body(body) = body?;
    Ok((StatusCode::ACCEPTED, Json(services.sessions.send(session, body, bearer.actor()).await?)))
}

async fn steer(
    State(services): State<Services>,
    bearer: Bearer,
    Path((id, turn)): Path<(SessionId, TurnId)>,
    body: Result<Body<Steer>, Problem>,
) -> Result<Json<TurnSteered>, Problem> {
    let session = services.sessions.usable(&id).await?;
    let Body(body) = body?;
    Ok(Json(services.sessions.steer(session, turn, body, bearer.actor()).await?))
}

async fn interrupt(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
    body: Result<Body<Interrupt>, Problem>,
) -> Result<Json<TurnInterrupted>, Problem> {
    let session = services.sessions.usable(&id).await?;
    let Body(body) = body?;
    Ok(Json(services.sessions.interrupt(session, body, bearer.actor()).await?))
}

async fn rollback(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
    body: Result<Body<Rollback>, Problem>,
) -> Result<Json<RolledBack>, Problem> {
    let session = services.sessions.usable(&id).await?;
    let Body(body) = body?;
    Ok(Json(services.sessions.rollback(session, body, bearer.actor()).await?))
}

async fn compact(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
) -> Result<Json<SessionCalled>, Problem> {
    let session = services.sessions.usable(&id).await?;
    Ok(Json(services.sessions.compact(session, bearer.actor()).await?))
}

async fn clean(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
) -> Result<Json<SessionCalled>, Problem> {
    let session = services.sessions.usable(&id).await?;
    Ok(Json(services.sessions.clean_terminals(session, bearer.actor()).await?))
}

async fn review(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
    body: Result<Body<Review>, Problem>,
) -> Result<Json<SessionCalled>, Problem> {
    let session = services.sessions.usable(&id).await?;
    let Body(body) = body?;
    Ok(Json(services.sessions.review(session, body, bearer.actor()).await?))
}
