//! `/api/models`, `/api/apps`, `/api/features/experimental`, `/api/collaboration/modes`.

use axum::Json;
use axum::extract::State;
use serde_json::json;

use super::{Doc, Problem, Query, Route, access};
use crate::http::doc::OF_CHILD;
use crate::service::Services;
use crate::service::codex::CodexAnswer;
use crate::service::codex::catalogue::{ListApps, Listed, Page};
use crate::service::codex::methods::{APPS_LIST, COLLABORATION_MODES_LIST, FEATURES_LIST, MODELS_LIST};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/models", access(MODELS_LIST), models).doc(
            page("listModels", "models", "The models that Codex offers.").query::<Page>().answer::<CodexAnswer>(
                200,
                "A page of models",
                json!({ "data": [{ "id": "gpt-5.5" }], "nextCursor": null }),
            ),
        ),
        Route::get("/api/apps", access(APPS_LIST), apps).doc(
            page("listApps", "apps", "The apps that Codex can use.").query::<ListApps>().answer::<CodexAnswer>(
                200,
                "A page of apps",
                json!({ "data": [], "nextCursor": null }),
            ),
        ),
        Route::get("/api/features/experimental", access(FEATURES_LIST), features).doc(
            page("listExperimentalFeatures", "features", "The experimental features of Codex, and which are on.")
                .query::<Page>()
                .answer::<CodexAnswer>(
                    200,
                    "A page of features",
                    json!({ "data": [{ "name": "js_repl" }], "nextCursor": null }),
                ),
        ),
        Route::get("/api/collaboration/modes", access(COLLABORATION_MODES_LIST), modes).doc(
            page("listCollaborationModes", "collaboration", "The ways in which Codex can work together with people.")
                .query::<Page>()
                .answer::<Listed>(200, "A page of modes", json!({ "data": [{ "name": "Plan" }], "nextCursor": null })),
        ),
    ]
}

fn page(id: &'static str, tag: &'static str, summary: &'static str) -> Doc {
    Doc::new(id, tag, summary).refuses(OF_CHILD)
}

async fn models(State(services): State<Services>, Query(query): Query<Page>) -> Result<Json<CodexAnswer>, Problem> {
    Ok(Json(services.codex.models(query).await?))
}

async fn apps(State(services): State<Services>, Query(query): Query<ListApps>) -> Result<Json<CodexAnswer>, Problem> {
    Ok(Json(services.codex.apps(query).await?))
}

async fn features(State(services): State<Services>, Query(query): Query<Page>) -> Result<Json<CodexAnswer>, Problem> {
    Ok(Json(services.codex.features(query).await?))
}

async fn modes(State(services): State<Services>, Query(query): Query<Page>) -> Result<Json<Listed>, Problem> {
    Ok(Json(services.codex.collaboration_modes(query).await?))
}
