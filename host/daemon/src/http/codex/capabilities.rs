//! `/api/capabilities`, and Codex's methods as they are.

use axum::Json;
use axum::extract::State;
use codex_manager_model::Role;
use serde_json::json;

use super::{Access, Body, Doc, Problem, Query, Route};
use crate::http::doc::OF_CHILD;
use crate::service::codex::capabilities::{Capabilities, ReadCapabilities};
use crate::service::codex::{CodexAnswer, RawCall};
use crate::service::{Services, code};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/capabilities", Access::Role(Role::Viewer), read).doc(
            Doc::new("getCapabilities", "system", "What the Codex that runs can do.")
                .says("Nothing is called for it that changes anything. While Codex is not ready, all is `unknown`.")
                .query::<ReadCapabilities>()
                .answer::<Capabilities>(200, "What is known of it", example()),
        ),
        Route::post("/api/codex/call", Access::Role(Role::Admin), call).doc(
            Doc::new("callCodex", "codex", "Calls a method of Codex that only tells, as it is.")
                .says("Methods that act, run commands or touch files are not passed on, nor those of one thread.")
                .body::<RawCall>(json!({ "method": "hooks/list", "params": {} }))
                .answer::<CodexAnswer>(200, "What Codex answered", json!({ "data": [] }))
                .refuses(&[code::METHOD_NOT_LISTED])
                .refuses(OF_CHILD),
        ),
    ]
}

async fn read(
    State(services): State<Services>,
    Query(query): Query<ReadCapabilities>,
) -> Result<Json<Capabilities>, Problem> {
    Ok(Json(services.codex.capabilities(query).await))
}

async fn call(State(services): State<Services>, Body(body): Body<RawCall>) -> Result<Json<CodexAnswer>, Problem> {
    Ok(Json(services.codex.call(body).await?))
}

fn example() -> serde_json::Value {
    json!({
        "status": "ok",
        "runtime": { "initialized": true, "capabilitiesLastUpdatedAt": "2026-03-01T09:30:00Z" },
        "methods": { "thread/fork": "available" },
        "details": { "thread/fork": { "status": "available", "reason": "this Codex lists it" } },
        "features": {
            "toolUserInput": true, "dynamicToolCall": true, "threadFork": true, "threadCompact": true,
            "threadRollback": true, "threadBackgroundTerminalClean": true, "turnSteer": true, "reviewStart": true,
            "commandExec": true, "feedbackUpload": true, "mcpOauth": true, "mcpReload": true, "accountLifecycle": true,
            "configRead": true, "configWrite": true, "configRequirements": true, "apps": true, "skills": true,
            "collaborationModes": true, "experimentalFeatures": true, "planUpdates": true, "diffUpdates": true,
            "tokenUsage": true,
        },
    })
}
