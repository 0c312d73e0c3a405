//! `mcp`: the MCP servers that Codex knows.

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use super::catalogue::MCP_SERVERS;
use super::failure::Failure;
use super::page::Page;
use super::plain::{cell, pretty};

/// See MCP servers and log in with them
#[derive(Debug, Subcommand)]
pub(super) enum Mcp {
    /// List them
    Servers(Page),
    /// Have Codex read again which there are
    Reload,
    /// Begin a login with one
    #[command(after_help = "Example: codex-manager mcp login files --scope read")]
    Login(Login),
}

#[derive(Debug, Args)]
pub(super) struct Login {
    /// The server's name
    server: String,
    /// Something to ask for; may be said more than once
    #[arg(long = "scope")]
    scopes: Vec<String>,
    /// How many seconds the person has
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    timeout_secs: Option<u32>,
}

impl Mcp {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Servers(page) => MCP_SERVERS.print(context, page).await,
            Self::Reload => {
                let answer = context.client()?.post(&["mcp", "reload"], &json!({})).await?;
                context.output.answer(&answer, |_| "read again".to_owned())
            }
            Self::Login(login) => login.run(context).await,
        }
    }
}

impl Login {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let mut body = json!({});
        if !self.scopes.is_empty() {
            body["scopes"] = json!(self.scopes);
        }
        if let Some(seconds) = self.timeout_secs {
            body["timeoutSecs"] = seconds.into();
        }
        let answer = context.client()?.post(&["mcp", "servers", &self.server, "oauth", "login"], &body).await?;
        context.output.answer(&answer, |body| match body["result"].get("authorizationUrl") {
            Some(url) => cell(url),
            None => pretty(&body["result"]),
        })
    }
}
