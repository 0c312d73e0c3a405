//! `/api/sessions/{id}/settings`.

use axum::Json;
use axum::extract::State;
use codex_manager_model::{Role, SessionId};
use serde_json::{Value, json};

use super::doc::OF_SESSION;
use super::{Access, Body, Doc, Path, Problem, Query, Route};
use crate::service::code;
use crate::service::tokens::Bearer;
use crate::service::{ReadSettings, RemoveSetting, Services, SetSettings, SettingRemoved, SettingsKept, ShownSettings};

pub(super) fn routes() -> Vec<Route> {
    let (viewer, operator) = (Access::Role(Role::Viewer), Access::Role(Role::Operator));
    vec![
        Route::get("/api/sessions/{sessionId}/settings", viewer, get).doc(
            Doc::new("getSessionSettings", "settings", "The settings of a session or of new ones, or one of them.")
                .query::<ReadSettings>()
                .answer::<ShownSettings>(
                    200,
                    "The settings; with `key`, whether that one is there, and its value.",
                    json!({ "status": "ok", "sessionId": SESSION, "scope": "session", "settings": { "theme": "dark" } }),
                )
                .refuses(OF_SESSION),
        ),
        Route::post("/api/sessions/{sessionId}/settings", operator, set).doc(
            Doc::new("setSessionSettings", "settings", "Keep settings with a session, or for new ones.")
                .says("One as `key` and `value`, or several as `settings`; never both. Merging is shallow.")
                .body::<SetSettings>(json!({ "scope": "session", "key": "theme", "value": "dark" }))
                .body_is(one_or_several())
                .answer::<SettingsKept>(
                    200,
                    "The settings that there are now.",
                    json!({
                        "status": "ok", "sessionId": SESSION, "scope": "session", "key": "theme",
                        "settings": { "theme": "dark" },
                    }),
                )
                .refuses(OF_SESSION)
                .refuses(&[code::DEFAULTS_LOCKED]),
        ),
        Route::delete("/api/sessions/{sessionId}/settings/{key}", operator, remove).doc(
            Doc::new("deleteSessionSetting", "settings", "Remove a setting of a session, or of new ones.")
                .query::<RemoveSetting>()
                .answer::<SettingRemoved>(
                    200,
                    "Whether it was there, and the settings that are left.",
                    json!({
                        "status": "ok", "sessionId": SESSION, "scope": "session", "key": "theme", "removed": true,
                        "settings": {},
                    }),
                )
                .refuses(OF_SESSION)
                .refuses(&[code::DEFAULTS_LOCKED]),
        ),
    ]
}

/// One setting is said as `key` and `value`, several as `settings`.
fn one_or_several() -> Value {
    let null = json!({ "type": "null" });
    let one = json!({ "key": { "type": "string" }, "settings": &null });
    let several = json!({ "settings": { "type": "object" }, "key": &null, "value": &null });
    json!({ "oneOf": [
        { "type": "object", "required": ["key", "value"], "properties": one },
        { "type": "object", "required": ["settings"], "properties": several },
    ] })
}

const SESSION: &str = "019a4f3c-0000-7000-8000-000000000001";

async fn get(
    State(services): State<Services>,
    Path(id): Path<SessionId>,
    query: Result<Query<ReadSettings>, Problem>,
) -> Result<Json<ShownSettings>, Problem> {
    services.sessions.usable(&id).await?;
    let Query(query) = query?;
    Ok(Json(services.settings.get(&id, query).await?))
}

async fn set(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
    body: Result<Body<SetSettings>, Problem>,
) -> Result<Json<SettingsKept>, Problem> {
    services.sessions.usable(&id).await?;
    let Body(body) = body?;
    Ok(Json(services.settings.set(&id, body, bearer.actor()).await?))
}

async fn remove(
    State(services): State<Services>,
    bearer: Bearer,
    Path((id, key)): Path<(SessionId, String)>,
    query: Result<Query<RemoveSetting>, Problem>,
) -> Result<Json<SettingRemoved>, Problem> {
    services.sessions.usable(&id).await?;
    let Query(query) = query?;
    Ok(Json(services.settings.remove(&id, key, query, bearer.actor()).await?))
}
