//! `GET /api/operations/{id}`: what became of a request that was answered with 504.

use axum::Json;
use axum::extract::State;
use codex_manager_model::{Actor, Operation, OperationId, OperationState, Role, SessionId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{Access, Doc, Path, Problem, Route};
use crate::service::{Services, code};

pub(super) fn routes() -> Vec<Route> {
    let example = json!({
        "operationId": "op_0192f0c8a5b97c3e8d1f2a3b4c5d6e7f",
        "method": "turn/start",
        "sessionId": "0192f0c8-a5b9-7c3e-8d1f-2a3b4c5d6e7f",
        "state": "answered",
        "outcome": { "turn": { "id": "0192f0c8-b000-7c3e-8d1f-2a3b4c5d6e7f" } },
        "actor": "token:tok_0192f0c8a5b97c3e8d1f2a3b4c5d6e7f",
        "createdAt": "2026-01-02T03:04:05Z",
        "updatedAt": "2026-01-02T03:04:06Z",
    });
    let doc = Doc::new("getOperation", "operations", "What became of a request that was answered with 504.")
        .answer::<ShownOperation>(200, "The operation; one of which nobody knew is asked for first.", example)
        .refuses(&[code::OPERATION_NOT_FOUND]);
    vec![Route::get("/api/operations/{operationId}", Access::Role(Role::Viewer), get).doc(doc)]
}

async fn get(State(services): State<Services>, Path(id): Path<OperationId>) -> Result<Json<ShownOperation>, Problem> {
    Ok(Json(services.operations.get(&id).await?.into()))
}

/// An operation on the wire. Its body is left out: it holds whole messages, which the session shows.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ShownOperation {
    operation_id: OperationId,
    /// The method of Codex that is called, or whose request is answered.
    method: String,
    session_id: Option<SessionId>,
    state: OperationState,
    /// What Codex answered, once it has.
    #[schema(value_type = Option<Object>)]
    outcome: Option<Value>,
    #[schema(value_type = String)]
    actor: Actor,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<Operation> for ShownOperation {
    fn from(operation: Operation) -> Self {
        Self {
            operation_id: operation.id,
            method: operation.method,
            session_id: operation.session,
            state: operation.state,
            outcome: operation.outcome,
            actor: operation.actor,
            created_at: operation.created_at,
            updated_at: operation.updated_at,
        }
    }
}
