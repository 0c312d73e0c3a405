//! `/api/account`.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::{Body, Doc, Problem, Route, access};
use crate::http::doc::{OF_CHILD, OF_OUTBOX};
use crate::service::codex::account::{CancelLogin, Login};
use crate::service::codex::methods::{
    ACCOUNT_LOGIN_CANCEL, ACCOUNT_LOGIN_START, ACCOUNT_LOGOUT, ACCOUNT_RATE_LIMITS_READ, ACCOUNT_READ,
};
use crate::service::codex::{CodexAnswer, Performed};
use crate::service::tokens::Bearer;
use crate::service::{Services, code};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/account", access(ACCOUNT_READ), read).doc(
            Doc::new("readAccount", "account", "Who is logged in with Codex's provider.")
                .answer::<CodexAnswer>(200, "The account", json!({ "account": null, "requiresOpenaiAuth": true }))
                .refuses(OF_CHILD),
        ),
        Route::get("/api/account/rate-limits", access(ACCOUNT_RATE_LIMITS_READ), rate_limits).doc(
            Doc::new("readAccountRateLimits", "account", "What the account may still use up.")
                .answer::<CodexAnswer>(200, "The limits", json!({ "rateLimits": {} }))
                .refuses(OF_CHILD),
        ),
        Route::post("/api/account/login/start", access(ACCOUNT_LOGIN_START), log_in).doc(
            acting("startAccountLogin", "Begins a login with Codex's provider, or does it.")
                .says("What is secret in it goes to Codex and is written down nowhere by this daemon.")
                .body::<Login>(json!({ "type": "apiKey", "apiKey": "sk-…" }))
                .answer::<Performed>(200, "It is begun", json!({ "status": "ok", "result": { "type": "apiKey" } }))
                .refuses(&[code::NOT_SENT]),
        ),
        Route::post("/api/account/login/cancel", access(ACCOUNT_LOGIN_CANCEL), cancel).doc(
            acting("cancelAccountLogin", "Gives up a login that was begun.")
                .body::<CancelLogin>(json!({ "loginId": "5a5c4f6e-6b3c-4c0e-9a55-6d0e8d1f2a3b" }))
                .answer::<Performed>(
                    200,
                    "It is given up",
                    json!({ "status": "ok", "result": { "status": "canceled" } }),
                )
                .refuses(&[code::LOGIN_NOT_FOUND]),
        ),
        Route::post("/api/account/logout", access(ACCOUNT_LOGOUT), log_out).doc(
            acting("logoutAccount", "Logs out of Codex's provider.")
                .optional_body::<Value>(json!({}))
                .answer::<Performed>(200, "Nobody is logged in", json!({ "status": "ok", "result": {} })),
        ),
    ]
}

fn acting(id: &'static str, summary: &'static str) -> Doc {
    Doc::new(id, "account", summary).refuses(OF_CHILD).refuses(OF_OUTBOX)
}

async fn read(State(services): State<Services>) -> Result<Json<CodexAnswer>, Problem> {
    Ok(Json(services.codex.account().await?))
}

async fn rate_limits(State(services): State<Services>) -> Result<Json<CodexAnswer>, Problem> {
    Ok(Json(services.codex.rate_limits().await?))
}

async fn log_in(
    State(services): State<Services>,
    bearer: Bearer,
    Body(body): Body<Login>,
) -> Result<Json<Performed>, Problem> {
    Ok(Json(services.codex.log_in(body, bearer.actor()).await?))
}

async fn cancel(
    State(services): State<Services>,
    bearer: Bearer,
    Body(body): Body<CancelLogin>,
) -> Result<Json<Performed>, Problem> {
    Ok(Json(services.codex.cancel_login(body, bearer.actor()).await?))
}

async fn log_out(
    State(services): State<Services>,
    bearer: Bearer,
    Body(_): Body<Value>,
) -> Result<Json<Performed>, Problem> {
    Ok(Json(services.codex.log_out(bearer.actor()).await?))
}
