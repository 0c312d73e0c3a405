//! `/api/config`: Codex's own configuration.

use axum::Json;
use axum::extract::State;
use serde_json::json;

use super::{Body, Doc, Problem, Query, Route, access};
use crate::http::doc::{OF_CHILD, OF_OUTBOX};
use crate::service::codex::config::{ReadConfig, WriteConfig, WriteConfigBatch};
use crate::service::codex::methods::{CONFIG_BATCH_WRITE, CONFIG_READ, CONFIG_REQUIREMENTS_READ, CONFIG_VALUE_WRITE};
use crate::service::codex::{CodexAnswer, Performed};
use crate::service::tokens::Bearer;
use crate::service::{Services, code};

pub(super) fn routes() -> Vec<Route> {
    let edit = json!({ "keyPath": ["model"], "mergeStrategy": "replace", "value": "gpt-5.5" });
    let written = || json!({ "status": "ok", "result": { "status": "ok", "version": "sha256:e02c" } });
    vec![
        Route::get("/api/config", access(CONFIG_READ), read).doc(
            Doc::new("readConfig", "config", "Codex's configuration as it takes effect.")
                .says("Values that are secret by their name are shown to administrators only.")
                .query::<ReadConfig>()
                .answer::<CodexAnswer>(200, "The configuration", json!({ "config": { "model": "gpt-5.5" } }))
                .refuses(OF_CHILD),
        ),
        Route::get("/api/config/requirements", access(CONFIG_REQUIREMENTS_READ), requirements).doc(
            Doc::new("readConfigRequirements", "config", "What is demanded of Codex's configuration on this machine.")
                .answer::<CodexAnswer>(200, "The demands", json!({ "requirements": null }))
                .refuses(OF_CHILD),
        ),
        Route::post("/api/config/value", access(CONFIG_VALUE_WRITE), write).doc(
            Doc::new("writeConfigValue", "config", "Writes one value of Codex's configuration.")
                .body::<WriteConfig>(edit.clone())
                .answer::<Performed>(200, "It is written", written())
                .refuses(OF_CHILD)
                .refuses(OF_OUTBOX)
                .refuses(&[code::NOT_SENT]),
        ),
        Route::post("/api/config/batch", access(CONFIG_BATCH_WRITE), write_batch).doc(
            Doc::new("writeConfigBatch", "config", "Writes several values of Codex's configuration, all or none.")
                .body::<WriteConfigBatch>(json!({ "edits": [edit] }))
                .answer::<Performed>(200, "They are written", written())
                .refuses(OF_CHILD)
                .refuses(OF_OUTBOX)
                .refuses(&[code::NOT_SENT]),
        ),
    ]
}

async fn read(
    State(services): State<Services>,
    bearer: Bearer,
    Query(query): Query<ReadConfig>,
) -> Result<Json<CodexAnswer>, Problem> {
    Ok(Json(services.codex.config(query, bearer.role).await?))
}

async fn requirements(State(services): State<Services>) -> Result<Json<CodexAnswer>, Problem> {
    Ok(Json(services.codex.config_requirements().await?))
}

async fn write(
    State(services): State<Services>,
    bearer: Bearer,
    Body(body): Body<WriteConfig>,
) -> Result<Json<Performed>, Problem> {
    Ok(Json(services.codex.write_config(body, bearer.actor()).await?))
}

async fn write_batch(
    State(services): State<Services>,
    bearer: Bearer,
    Body(body): Body<WriteConfigBatch>,
) -> Result<Json<Performed>, Problem> {
    Ok(Json(services.codex.write_config_batch(body, bearer.actor()).await?))
}
