//! `/api/mcp`.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::{Body, Doc, Path, Problem, Query, Route, access};
use crate::http::doc::{OF_CHILD, OF_OUTBOX};
use crate::service::codex::catalogue::Page;
use crate::service::codex::mcp::McpLogin;
use crate::service::codex::methods::{MCP_OAUTH_LOGIN, MCP_RELOAD, MCP_SERVERS_LIST};
use crate::service::codex::{CodexAnswer, Performed};
use crate::service::tokens::Bearer;
use crate::service::{Services, code};

pub(super) fn routes() -> Vec<Route> {
    let begun = json!({ "status": "ok", "result": { "authorizationUrl": "https://mcp.example.org/authorize" } });
    vec![
        Route::get("/api/mcp/servers", access(MCP_SERVERS_LIST), servers).doc(
            Doc::new("listMcpServers", "mcp", "The MCP servers that Codex knows, and how they are.")
                .query::<Page>()
                .answer::<CodexAnswer>(200, "A page of servers", json!({ "data": [], "nextCursor": null }))
                .refuses(OF_CHILD),
        ),
        Route::post("/api/mcp/reload", access(MCP_RELOAD), reload).doc(
            Doc::new("reloadMcpConfig", "mcp", "Has Codex read again which MCP servers there are.")
                .optional_body::<Value>(json!({}))
                .answer::<Performed>(200, "They are read", json!({ "status": "ok", "result": {} }))
                .refuses(OF_CHILD)
                .refuses(OF_OUTBOX),
        ),
        Route::post("/api/mcp/servers/{serverName}/oauth/login", access(MCP_OAUTH_LOGIN), log_in).doc(
            Doc::new("startMcpOauthLogin", "mcp", "Begins a login with an MCP server.")
                .optional_body::<McpLogin>(json!({ "scopes": ["read"], "timeoutSecs": 300 }))
                .answer::<Performed>(200, "Where a person goes on with it", begun)
                .refuses(&[code::MCP_SERVER_NOT_FOUND])
                .refuses(OF_CHILD)
                .refuses(OF_OUTBOX),
        ),
    ]
}

async fn servers(State(services): State<Services>, Query(query): Query<Page>) -> Result<Json<CodexAnswer>, Problem> {
    Ok(Json(services.codex.mcp_servers(query).await?))
}

async fn reload(
    State(services): State<Services>,
    bearer: Bearer,
    Body(_): Body<Value>,
) -> Result<Json<Performed>, Problem> {
    Ok(Json(services.codex.reload_mcp(bearer.actor()).await?))
}

async fn log_in(
    State(services): State<Services>,
    bearer: Bearer,
    Path(server): Path<String>,
    Body(body): Body<McpLogin>,
) -> Result<Json<Performed>, Problem> {
    Ok(Json(services.codex.log_in_to_mcp(&server, body, bearer.actor()).await?))
}
