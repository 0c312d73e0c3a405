//! Commands that Codex runs outside any session, and what people say about Codex.

use std::path::Path;

use codex_manager_model::{Actor, limits, whole};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use utoipa::ToSchema;

use super::methods::{COMMAND_EXEC, FEEDBACK_UPLOAD};
use super::{Codex, Performed, about, text, texts};
use crate::service::{Error, cwd};

/// A command to run, in the sandbox that Codex's configuration says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Command {
    /// The program and its arguments.
    #[serde(deserialize_with = "words")]
    #[schema(schema_with = texts)]
    command: Vec<String>,
    /// Where it starts: an absolute path; Codex's own folder unless said.
    #[schema(pattern = "^/")]
    cwd: Option<String>,
    /// How long it may run, in milliseconds; as long as Codex finds right unless said.
    #[serde(default, deserialize_with = "milliseconds")]
    #[schema(minimum = 1, maximum = 100_000)]
    timeout_ms: Option<u32>,
}

/// What to tell those who make Codex.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Feedback {
    /// What kind it is, such as `bug`.
    #[serde(deserialize_with = "text")]
    #[schema(min_length = 1, pattern = r"[^\s\u0085]")]
    classification: String,
    /// Whether Codex's logs go with it.
    include_logs: bool,
    /// In words.
    reason: Option<String>,
    /// The session that it is about.
    thread_id: Option<String>,
}

impl Codex {
    /// Runs a command and answers what it said.
    ///
    /// # Errors
    /// Invalid for a folder that will not do; as [`Outbox::perform`](crate::outbox::Outbox::perform).
    pub(crate) async fn execute(&self, command: Command, actor: Actor) -> Result<Performed, Error> {
        if let Some(folder) = &command.cwd {
            cwd::check("cwd", folder, Path::new(&self.data_folder))?;
        }
        let params = json!({
            "command": command.command,
            "cwd": command.cwd,
            "timeoutMs": command.timeout_ms,
            "sandboxPolicy": null,
        });
        let done = self.act(COMMAND_EXEC, params, actor).await;
        done.map_err(|error| about(error, "command", command.command.join(" ")))
    }

    /// Sends feedback.
    ///
    /// # Errors
    /// As [`Outbox::perform`](crate::outbox::Outbox::perform).
    pub(crate) async fn send_feedback(&self, feedback: Feedback, actor: Actor) -> Result<Performed, Error> {
        let params = json!({
            "classification": feedback.classification,
            "includeLogs": feedback.include_logs,
            "reason": feedback.reason,
            "threadId": feedback.thread_id,
        });
        self.act(FEEDBACK_UPLOAD, params, actor).await
    }
}

fn words<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<String>, D::Error> {
    let words = Vec::<String>::deserialize(source)?;
    let whole = !words.is_empty() && words.iter().all(|word| !word.is_empty());
    if whole { Ok(words) } else { Err(serde::de::Error::custom("it must have words, and none that is empty")) }
}

fn milliseconds<'de, D: Deserializer<'de>>(source: D) -> Result<Option<u32>, D::Error> {
    let time = whole::optional(source)?;
    if time.is_none_or(|time| (1..=limits::COMMAND_RUN_MS_MAX).contains(&time)) {
        return Ok(time);
    }
    let message = format!("it must be between 1 and {}", limits::COMMAND_RUN_MS_MAX);
    Err(serde::de::Error::custom(message))
}
