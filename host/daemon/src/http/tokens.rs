//! `/api/tokens`: making, listing and ending bearer tokens. For administrators.

use axum::Json;
use axum::extract::{FromRef, State};
use codex_manager_model::{Role, Token, TokenId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Access, Body, Path, Problem, Route};
use crate::service::tokens::{Bearer, Tokens};

/// The routes of tokens.
pub(super) fn routes<S>() -> Vec<Route<S>>
where
    S: Clone + Send + Sync + 'static,
    Tokens: FromRef<S>,
{
    vec![
        Route::get("/api/tokens", Access::Role(Role::Admin), list),
        Route::post("/api/tokens", Access::Role(Role::Admin), create),
        Route::delete("/api/tokens/{token_id}", Access::Role(Role::Admin), revoke),
    ]
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewToken {
    name: String,
    role: Role,
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

/// A token as it is shown. Its secret is not part of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown {
    token_id: TokenId,
    name: String,
    role: Role,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

async fn list(State(tokens): State<Tokens>) -> Result<Json<Value>, Problem> {
    let shown: Vec<Shown> = tokens.list().await?.into_iter().map(Shown::from).collect();
    Ok(Json(json!({ "data": shown })))
}

async fn create(
    State(tokens): State<Tokens>,
    bearer: Bearer,
    Body(new): Body<NewToken>,
) -> Result<Json<Value>, Problem> {
    let (token, secret) = tokens.create(&new.name, new.role, new.expires_at, bearer.actor()).await?;
    Ok(Json(json!({ "status": "ok", "token": Shown::from(token), "secret": secret.expose() })))
}

async fn revoke(State(tokens): State<Tokens>, bearer: Bearer, Path(id): Path<TokenId>) -> Result<Json<Value>, Problem> {
    let token = tokens.revoke(&id, bearer.actor()).await?;
    Ok(Json(json!({ "status": "ok", "token": Shown::from(token) })))
}

impl From<Token> for Shown {
    fn from(token: Token) -> Self {
        Self {
            token_id: token.id,
            name: token.name,
            role: token.role,
            created_at: token.created_at,
            expires_at: token.expires_at,
            revoked_at: token.revoked_at,
        }
    }
}
