//! `/api/tokens`: making, listing and ending bearer tokens. For administrators.

use axum::extract::{FromRef, State};
use axum::{Extension, Json};
use codex_manager_model::limits::TOKEN_NAME_CHARS_MAX;
use codex_manager_model::{Role, Token, TokenId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use super::idempotency::NotKept;
use super::{Access, Body, Doc, Path, Problem, Route};
use crate::service::tokens::{Bearer, Tokens};
use crate::service::{code, names};

/// The routes of tokens.
pub(super) fn routes<S>() -> Vec<Route<S>>
where
    S: Clone + Send + Sync + 'static,
    Tokens: FromRef<S>,
{
    vec![
        Route::get("/api/tokens", Access::Role(Role::Admin), list).doc(
            Doc::new("listTokens", "tokens", "The tokens that there are, those that have ended among them.")
                .answer::<TokenList>(200, "The tokens, without their secrets.", json!({ "data": [example()] })),
        ),
        Route::post("/api/tokens", Access::Role(Role::Admin), create).doc(
            Doc::new("createToken", "tokens", "Makes a token, and tells its secret this once.")
                .body::<NewToken>(json!({ "name": "laptop", "role": "operator" }))
                .answer::<NewSecret>(
                    200,
                    "The token and its secret. Under an Idempotency-Key the secret is not told again.",
                    json!({ "status": "ok", "token": example(), "secret": "cmt_…" }),
                )
                .refuses(&[code::TOO_MANY_TOKENS, code::ANSWER_NOT_KEPT]),
        ),
        Route::delete("/api/tokens/{tokenId}", Access::Role(Role::Admin), revoke).doc(
            Doc::new("revokeToken", "tokens", "Ends a token, and with it its streams.")
                .answer::<RevokedToken>(200, "The token as it is now.", json!({ "status": "ok", "token": example() }))
                .refuses(&[code::TOKEN_NOT_FOUND]),
        ),
    ]
}

fn example() -> Value {
    json!({
        "tokenId": "tok_0192f0c8a5b97c3e8d1f2a3b4c5d6e7f",
        "name": "laptop",
        "role": "operator",
        "createdAt": "2026-01-02T03:04:05Z",
        "expiresAt": null,
        "revokedAt": null,
    })
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewToken {
    #[schema(schema_with = name)]
    name: String,
    role: Role,
    /// When it ends by itself; in the future.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

fn name() -> Object {
    names::schema(TOKEN_NAME_CHARS_MAX, "What people call it. It has no characters that do not show.")
}

/// A token as it is shown. Its secret is not part of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Token)]
pub(crate) struct Shown {
    token_id: TokenId,
    name: String,
    role: Role,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
struct TokenList {
    data: Vec<Shown>,
}

/// A token that was made, with its secret.
#[derive(Serialize, ToSchema)]
struct NewSecret {
    status: &'static str,
    token: Shown,
    secret: String,
}

#[derive(Serialize, ToSchema)]
struct RevokedToken {
    status: &'static str,
    token: Shown,
}

async fn list(State(tokens): State<Tokens>) -> Result<Json<TokenList>, Problem> {
    Ok(Json(TokenList { data: tokens.list().await?.into_iter().map(Shown::from).collect() }))
}

async fn create(
    State(tokens): State<Tokens>,
    bearer: Bearer,
    Body(new): Body<NewToken>,
) -> Result<(Extension<NotKept>, Json<NewSecret>), Problem> {
    let (token, secret) = tokens.create(&new.name, new.role, new.expires_at, bearer.actor()).await?;
    let made = NewSecret { status: "ok", token: token.into(), secret: secret.expose().to_owned() };
    Ok((Extension(NotKept), Json(made)))
}

async fn revoke(
    State(tokens): State<Tokens>,
    bearer: Bearer,
    Path(id): Path<TokenId>,
) -> Result<Json<RevokedToken>, Problem> {
    let token = tokens.revoke(&id, bearer.actor()).await?;
    Ok(Json(RevokedToken { status: "ok", token: token.into() }))
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
