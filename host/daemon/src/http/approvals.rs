//! `/api/approvals`, and the approvals of one session.

use axum::Json;
use axum::extract::State;
use codex_manager_model::{ApprovalId, Role, SessionId};
use serde_json::{Value, json};

use super::{Access, Body, Path, Problem, Route};
use crate::intake::pending;
use crate::service::tokens::Bearer;
use crate::service::{Decide, Services};

pub(super) fn routes() -> Vec<Route> {
    let (viewer, operator) = (Access::Role(Role::Viewer), Access::Role(Role::Operator));
    vec![
        Route::get("/api/approvals", viewer, list),
        Route::get("/api/sessions/{session_id}/approvals", viewer, list_of_session),
        Route::post("/api/approvals/{approval_id}/decision", operator, decide),
    ]
}

async fn list(State(services): State<Services>) -> Result<Json<Value>, Problem> {
    answer(&services, None).await
}

async fn list_of_session(
    State(services): State<Services>,
    Path(session): Path<SessionId>,
) -> Result<Json<Value>, Problem> {
    services.sessions.require(&session).await?;
    answer(&services, Some(session)).await
}

async fn answer(services: &Services, session: Option<SessionId>) -> Result<Json<Value>, Problem> {
    let approvals = services.approvals.pending(session).await?;
    Ok(Json(json!({ "data": approvals.iter().map(pending).collect::<Vec<_>>() })))
}

async fn decide(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<ApprovalId>,
    Body(body): Body<Decide>,
) -> Result<Json<Value>, Problem> {
    let approval = services.approvals.decide(&id, body, bearer.actor()).await?;
    Ok(Json(json!({ "status": "ok", "approvalId": id, "threadId": approval.session })))
}
