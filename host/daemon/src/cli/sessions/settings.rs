//! `sessions settings`: free values that are kept with a session, or for new ones.

use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::controls::Scoped;
use crate::cli::Context;
use crate::cli::failure::{Exit, Failure};
use crate::cli::plain::plain;

/// Show and change what is kept with a session; Codex never sees it
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Settings {
    /// Show the settings, or one of them
    #[command(after_help = "Example: codex-manager sessions settings get $SESSION theme")]
    Get {
        /// The session's id
        session: String,
        /// Only this one
        key: Option<String>,
        #[command(flatten)]
        scope: Scoped,
    },
    /// Keep a setting
    #[command(after_help = "Example: codex-manager sessions settings set $SESSION theme dark")]
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
    #[command(after_help = "Example: codex-manager sessions settings unset $SESSION theme")]
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
                query.extend(key.clone().map(|key| ("key", key)));
                let answer = client.get(&["sessions", &session, "settings"], &query).await?;
                match key {
                    // One that is kept may be `null` too.
                    Some(key) if answer.json["found"] == false => return Err(not_kept(&session, &key)),
                    _ => answer,
                }
            }
            Self::Set { session, key, value, scope } => {
                let value = serde_json::from_str(&value).unwrap_or(Value::String(value));
                let body = json!({ "scope": scope.word(), "key": key, "value": value, "source": "cli" });
                client.post(&["sessions", &session, "settings"], &body).await?
            }
            Self::Unset { session, key, scope } => {
                let query = [("scope", scope.word().to_owned()), ("source", "cli".to_owned())];
                let answer = client.delete_with(&["sessions", &session, "settings", &key], &query).await?;
                if answer.json["removed"] == false {
                    return Err(not_kept(&session, &key));
                }
                answer
            }
        };
        if answer.json.get("value").is_none() && answer.json["settings"].as_object().is_none_or(Map::is_empty) {
            return context.output.rows(&answer, [], "nothing is kept", &[]);
        }
        context.output.answer(&answer, text)
    }
}

fn not_kept(session: &str, key: &str) -> Failure {
    Failure::new(Exit::NotFound, format!("there is no setting {key}"))
        .hint(format!("`codex-manager sessions settings get {session}` shows those that there are"))
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
