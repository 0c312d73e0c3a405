//! `GET /api/operations/{id}`: what became of a request that was answered with 504.

use axum::Json;
use axum::extract::State;
use codex_manager_model::{Operation, OperationId, Role};
use serde_json::{Value, json};

use super::{Access, Path, Problem, Route};
use crate::service::Services;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/api/operations/{operation_id}", Access::Role(Role::Viewer), get)]
}

async fn get(State(services): State<Services>, Path(id): Path<OperationId>) -> Result<Json<Value>, Problem> {
    Ok(Json(shown(&services.operations.get(&id).await?)))
}

/// An operation on the wire. Its body is left out: it holds whole messages, which the session shows.
fn shown(operation: &Operation) -> Value {
    json!({
        "operationId": operation.id,
        "method": operation.method,
        "sessionId": operation.session,
        "state": operation.state,
        "outcome": operation.outcome,
        "actor": operation.actor,
        "createdAt": operation.created_at.to_string(),
        "updatedAt": operation.updated_at.to_string(),
    })
}
