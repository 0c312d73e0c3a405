//! `/api/sessions`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use codex_manager_model::{Role, SessionId, TranscriptEntry};
use serde_json::{Value, json};

use super::{Access, Body, Path, Problem, Query, Route};
use crate::service::tokens::Bearer;
use crate::service::{CreateSession, Interrupt, ListSessions, SendMessage, Services};

pub(super) fn routes() -> Vec<Route> {
    let (viewer, operator) = (Access::Role(Role::Viewer), Access::Role(Role::Operator));
    vec![
        Route::get("/api/sessions", viewer, list),
        Route::post("/api/sessions", operator, create),
        Route::get("/api/sessions/{session_id}", viewer, get),
        Route::post("/api/sessions/{session_id}/messages", operator, send),
        Route::post("/api/sessions/{session_id}/interrupt", operator, interrupt),
        Route::post("/api/sessions/{session_id}/transcript/upsert", operator, upsert_entry),
    ]
}

async fn list(State(services): State<Services>, Query(query): Query<ListSessions>) -> Result<Json<Value>, Problem> {
    Ok(Json(services.sessions.list(query).await?))
}

async fn create(
    State(services): State<Services>,
    bearer: Bearer,
    Body(body): Body<CreateSession>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(services.sessions.create(body, bearer.actor()).await?))
}

async fn get(State(services): State<Services>, Path(id): Path<SessionId>) -> Result<Json<Value>, Problem> {
    Ok(Json(services.sessions.get(&id).await?))
}

async fn send(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
    Body(body): Body<SendMessage>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let turn = services.sessions.send(&id, body, bearer.actor()).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "status": "accepted", "sessionId": id, "turnId": turn }))))
}

async fn interrupt(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
    Body(body): Body<Interrupt>,
) -> Result<Json<Value>, Problem> {
    let turn = services.sessions.interrupt(&id, body, bearer.actor()).await?;
    Ok(Json(json!({ "status": "ok", "sessionId": id, "turnId": turn })))
}

async fn upsert_entry(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
    Body(body): Body<TranscriptEntry>,
) -> Result<Json<Value>, Problem> {
    let entry = services.transcripts.upsert(&id, body, bearer.actor()).await?;
    Ok(Json(json!({ "status": "ok", "sessionId": id, "entry": entry })))
}
