//! `GET /api/health`, open to anybody, and `GET /api`.

use axum::Json;
use axum::extract::State;
use codex_manager_model::Role;
use serde_json::{Value, json};

use super::{Access, Route};
use crate::service::Services;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/api/health", Access::Open, health), Route::get("/api", Access::Role(Role::Viewer), about)]
}

async fn health(State(services): State<Services>) -> Json<Value> {
    Json(services.health.get())
}

async fn about() -> Json<Value> {
    Json(json!({ "name": "Codex Manager API", "version": env!("CARGO_PKG_VERSION") }))
}
