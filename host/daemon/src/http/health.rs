//! How the daemon is: `GET /api/health` for people, `/healthz` and `/readyz` for programs; all open to anybody. And
//! `GET /api`.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use codex_manager_model::Role;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{Access, Doc, Route};
use crate::service::{HealthReport, Services};

const TEXT: &str = "text/plain";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/health", Access::Open, health).doc(
            Doc::new("getHealth", "system", "How the daemon is, and its Codex.")
                .says("Always 200: it tells, and judges nothing. `/readyz` judges.")
                .answer::<HealthReport>(200, "How it is.", example()),
        ),
        Route::get("/healthz", Access::Open, alive).doc(
            Doc::new("getLiveness", "system", "Whether the daemon lives.").answer_as::<String>(
                200,
                "It does.",
                TEXT,
                json!("ok"),
            ),
        ),
        Route::get("/readyz", Access::Open, ready).doc(
            Doc::new("getReadiness", "system", "Whether the daemon can do its work now.")
                .says(
                    "The store takes what it is given, and Codex is ready, answers and can use its own configuration.",
                )
                .answer_as::<String>(200, "It can.", TEXT, json!("ready"))
                .answer_as::<String>(503, "It cannot, because of what the word names.", TEXT, json!("codex")),
        ),
        Route::get("/api", Access::Role(Role::Viewer), about).doc(
            Doc::new("getApiInfo", "system", "What this is.").answer::<About>(
                200,
                "Its name and its version.",
                json!({ "name": "Codex Manager API", "version": "0.1.0" }),
            ),
        ),
    ]
}

/// What this is.
#[derive(Debug, Serialize, ToSchema)]
struct About {
    name: &'static str,
    version: &'static str,
}

async fn health(State(services): State<Services>) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], services.health.tell()).into_response()
}

async fn alive() -> &'static str {
    "ok"
}

async fn ready(State(services): State<Services>) -> (StatusCode, &'static str) {
    match services.health.ready().await {
        Ok(()) => (StatusCode::OK, "ready"),
        Err(unready) => (StatusCode::SERVICE_UNAVAILABLE, unready.as_str()),
    }
}

async fn about() -> Json<About> {
    Json(About { name: "Codex Manager API", version: env!("CARGO_PKG_VERSION") })
}

fn example() -> Value {
    json!({
        "status": "ok",
        "service": "api",
        "codex": {
            "running": true, "pid": 4711, "initialized": true, "state": "ready", "reason": null, "version": "0.169.0",
            "attempt": null, "retryAt": null, "restarts": 0, "configuration": "ok", "contained": { "state": "contained" }, "lastExit": null,
        },
        "storage": { "state": "ok" },
        "extensions": { "running": 1, "allocation": "pooled", "reason": null },
        "orchestratorQueue": { "enabled": false },
        "auth": { "hasOpenAiApiKey": false, "codexHomeAuthFile": true, "likelyUnauthenticated": false },
        "timestamp": "2026-01-05T09:00:00Z",
    })
}
