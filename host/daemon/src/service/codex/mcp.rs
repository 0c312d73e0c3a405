//! The MCP servers that Codex knows.

use std::num::NonZeroU32;

use codex_manager_model::{Actor, whole};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::catalogue::Page;
use super::methods::{MCP_OAUTH_LOGIN, MCP_RELOAD, MCP_SERVERS_LIST};
use super::{Codex, CodexAnswer, Performed, about};
use crate::service::{Error, code};

/// How to log in with a server.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct McpLogin {
    /// What to ask for; what the server says unless said.
    scopes: Option<Vec<String>>,
    /// How long to wait for the person who logs in, in seconds.
    #[serde(default, deserialize_with = "seconds")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    timeout_secs: Option<NonZeroU32>,
}

impl Codex {
    /// The servers and how they are.
    ///
    /// # Errors
    /// As [`Child::ask`](crate::service::Child::ask).
    pub(crate) async fn mcp_servers(&self, page: Page) -> Result<CodexAnswer, Error> {
        self.page(MCP_SERVERS_LIST, page).await
    }

    /// Has Codex read again which servers there are.
    ///
    /// # Errors
    /// As [`Outbox::perform`](crate::outbox::Outbox::perform).
    pub(crate) async fn reload_mcp(&self, actor: Actor) -> Result<Performed, Error> {
        self.act(MCP_RELOAD, Value::Null, actor).await
    }

    /// Begins a login with a server; the answer says where a person goes on with it.
    ///
    /// # Errors
    /// `mcp_server_not_found`, and as [`Outbox::perform`](crate::outbox::Outbox::perform).
    pub(crate) async fn log_in_to_mcp(&self, server: &str, login: McpLogin, actor: Actor) -> Result<Performed, Error> {
        let params = json!({ "name": server, "scopes": login.scopes, "timeoutSecs": login.timeout_secs });
        let begun = self.act(MCP_OAUTH_LOGIN, params, actor).await;
        begun.map_err(|error| match error.message.contains("No MCP server named") {
            true => Error::not_found(code::MCP_SERVER_NOT_FOUND, "serverName", server),
            false => about(error, "serverName", server),
        })
    }
}

/// The document tells them as `int32`, which has no more than 31 bits for them.
fn seconds<'de, D: Deserializer<'de>>(source: D) -> Result<Option<NonZeroU32>, D::Error> {
    let seconds = whole::optional::<_, i32>(source)?.map(u32::try_from).transpose().map_err(de::Error::custom)?;
    seconds.map(NonZeroU32::try_from).transpose().map_err(de::Error::custom)
}
