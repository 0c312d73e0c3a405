//! `account`: whose Codex it is. Keys and tokens are read from stdin, where no list of processes shows them.

use std::io::{Read, stdin};

use clap::Subcommand;
use serde_json::{Value, json};

use super::Context;
use super::failure::{Exit, Failure};
use super::plain::{cell, pretty};

/// See who is logged in with Codex's provider, log in and out
#[derive(Debug, Subcommand)]
pub(super) enum Account {
    /// Show who is logged in
    Get,
    /// Log in, or give it up
    #[command(subcommand)]
    Login(Login),
    /// Log out
    Logout,
    /// Show what may still be used up
    RateLimits,
}

#[derive(Debug, Subcommand)]
pub(super) enum Login {
    /// Begin a login
    #[command(subcommand)]
    Start(Start),
    /// Give up a login that was begun
    #[command(after_help = "Example: codex-manager account login cancel 0199c0de")]
    Cancel {
        /// Its id, as the start told it
        login: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Start {
    /// By a key of the API, from stdin
    #[command(after_help = "Example: codex-manager account login start api-key < key-file")]
    ApiKey,
    /// By a person in a browser on this machine
    Chatgpt,
    /// By a person in another machine's browser
    DeviceCode,
    /// By an access token that somebody has already, from stdin
    #[command(after_help = "Example: codex-manager account login start auth-tokens --account-id acc_1 < token-file")]
    AuthTokens {
        /// Whose it is
        #[arg(long)]
        account_id: String,
        /// What was paid for
        #[arg(long)]
        plan_type: Option<String>,
    },
}

impl Account {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.client()?;
        let answer = match &self {
            Self::Get => client.get(&["account"], &[]).await?,
            Self::RateLimits => client.get(&["account", "rate-limits"], &[]).await?,
            Self::Logout => client.post(&["account", "logout"], &json!({})).await?,
            Self::Login(Login::Cancel { login }) => {
                client.post(&["account", "login", "cancel"], &json!({ "loginId": login })).await?
            }
            Self::Login(Login::Start(start)) => client.post(&["account", "login", "start"], &start.body()?).await?,
        };
        context.output.answer(&answer, |body| match &self {
            Self::Get | Self::RateLimits => pretty(body),
            Self::Logout => "logged out".to_owned(),
            Self::Login(Login::Cancel { login }) => format!("{} given up", cell(&login.as_str().into())),
            Self::Login(Login::Start(Start::ApiKey | Start::AuthTokens { .. })) => "logged in".to_owned(),
            Self::Login(Login::Start(_)) => pretty(&body["result"]),
        })
    }
}

impl Start {
    fn body(&self) -> Result<Value, Failure> {
        Ok(match self {
            Self::ApiKey => json!({ "type": "apiKey", "apiKey": secret()? }),
            Self::Chatgpt => json!({ "type": "chatgpt" }),
            Self::DeviceCode => json!({ "type": "chatgptDeviceCode" }),
            Self::AuthTokens { account_id, plan_type } => json!({
                "type": "chatgptAuthTokens",
                "accessToken": secret()?,
                "chatgptAccountId": account_id,
                "chatgptPlanType": plan_type,
            }),
        })
    }
}

fn secret() -> Result<String, Failure> {
    let mut text = String::new();
    stdin().read_to_string(&mut text).map_err(|error| Failure::because(Exit::Usage, &error))?;
    match text.trim() {
        "" => Err(Failure::new(Exit::Usage, "stdin holds no key").hint("such as `… login start api-key < key-file`")),
        text => Ok(text.to_owned()),
    }
}
