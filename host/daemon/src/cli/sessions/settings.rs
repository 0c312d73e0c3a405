//! `sessions settings`: free values that are kept with a session, or for new ones.

use clap::Subcommand;
use serde_json::{Value, json};

use super::controls::Scoped;
use crate::cli::Context;
use crate::cli::failure::Failure;
use crate::cli::plain::plain;

/// Show and change what is kept with a session; Codex never sees it
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Settings {
    /// Show the settings, or one of them
    Get {
        /// The session's id
        session: String,
        /// Only this one
        key: Option<String>,
        #[command(flatten)]
        scope: Scoped,
    },
    /// Keep a setting
    Set {
        /// The session's id
        session: String,
        /// What to keep it under
        key: String,
        /// JSON; what is no JSON is text
        value: String,
        #[command(flatten)]
        scope: Scoped,
    },
    /// Remove a setting
    Unset {
        /// The session's id
        session: String,
        /// What it is kept under
        key: String,
        #[command(flatten)]
        scope: Scoped,
    },
}

impl Settings {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.client()?;
        let answer = match self {
            Self::Get { session, key, scope } => {
                let mut query = vec![("scope", scope.word().to_owned())];
                query.extend(key.map(|key| ("key", key)));
                client.get(&["sessions", &session, "settings"], &query).await?
            }
            Self::Set { session, key, value, scope } => {
                let value = serde_json::from_str(&value).unwrap_or(Value::String(value));
                let body = json!({ "scope": scope.word(), "key": key, "value": value, "source": "cli" });
                client.post(&["sessions", &session, "settings"], &body).await?
            }
            Self::Unset { session, key, scope } => {
                let query = [("scope", scope.word().to_owned()), ("source", "cli".to_owned())];
                client.delete_with(&["sessions", &session, "settings", &key], &query).await?
            }
        };
        context.output.answer(&answer, text)
    }
}

/// One value as it is, or all of them, a line each.
fn text(body: &Value) -> String {
    if let Some(value) = body.get("value") {
        return plain(&value.to_string()).into_owned();
    }
    let settings = body["settings"].as_object().into_iter().flatten();
    let lines: Vec<_> = settings.map(|(key, value)| plain(&format!("{key} = {value}")).into_owned()).collect();
    lines.join("\n")
}
