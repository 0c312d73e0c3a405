//! Codex's own configuration. Ours is another, and nothing that is written here changes what this daemon runs.
//!
//! A value may be a secret, such as a variable for an MCP server: what is written is not recorded, only where.

use codex_manager_model::{Actor, Role, whole};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::methods::{CONFIG_BATCH_WRITE, CONFIG_READ, CONFIG_REQUIREMENTS_READ, CONFIG_VALUE_WRITE};
use super::{Codex, CodexAnswer, Performed, about, texts};
use crate::outbox::REDACTED;
use crate::secret::Secret;
use crate::service::Error;

/// Under which names Codex's configuration has secrets, whatever lies below them.
const SECRET_TABLES: [&str; 4] = ["env", "http_headers", "query_params", "set"];
/// How the names of single secrets end.
const SECRET_ENDS: [&str; 5] = ["token", "api_key", "secret", "password", "apikey"];

/// Which configuration.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadConfig {
    /// The folder for which it is read; Codex's own unless said.
    cwd: Option<String>,
    /// Whether to tell where each value comes from.
    #[serde(default)]
    include_layers: bool,
}

/// One value to write.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WriteConfig {
    key_path: KeyPath,
    merge_strategy: MergeStrategy,
    /// The value; null removes what is there.
    value: Value,
    /// The version that was read; if the file has another by now, nothing is written.
    expected_version: Option<Version>,
    /// The file; the user's own unless said.
    file_path: Option<String>,
}

/// Several values to write, all or none.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WriteConfigBatch {
    /// The values.
    #[serde(deserialize_with = "some")]
    #[schema(min_items = 1)]
    edits: Vec<ConfigEdit>,
    /// The version that was read; if the file has another by now, nothing is written.
    expected_version: Option<Version>,
    /// The file; the user's own unless said.
    file_path: Option<String>,
}

/// A value, and where it belongs.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ConfigEdit {
    key_path: KeyPath,
    merge_strategy: MergeStrategy,
    /// The value; null removes what is there.
    value: Value,
}

/// Where a value belongs, as [`KEY_PATH`] says.
#[derive(Deserialize)]
#[serde(untagged)]
enum KeyPath {
    /// One after another, as they are.
    Names(Vec<String>),
    /// As Codex writes it: what is no plain name stands in quotes.
    Joined(String),
}

/// What becomes of what is there.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum MergeStrategy {
    /// It is replaced.
    Replace,
    /// A table is merged into; anything else is replaced.
    Upsert,
}

/// A version, as Codex told it.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum Version {
    Number(#[serde(deserialize_with = "whole::required")] u64),
    Text(String),
}

const KEY_PATH: &str = "Where a value belongs: its names from the outside in, or all of them joined by dots. What is no \
    plain name stands in quotes there.";

impl Codex {
    /// The configuration as it takes effect; its secrets are for admins.
    ///
    /// # Errors
    /// As [`Child::ask`](crate::service::Child::ask).
    pub(crate) async fn config(&self, read: ReadConfig, role: Role) -> Result<CodexAnswer, Error> {
        let params = json!({ "cwd": read.cwd, "includeLayers": read.include_layers });
        let CodexAnswer(mut answer) = self.ask(CONFIG_READ, params).await?;
        if role < Role::Admin {
            hide(&mut answer);
        }
        Ok(CodexAnswer(answer))
    }

    /// What whoever runs this machine demands of the configuration.
    ///
    /// # Errors
    /// As [`Child::ask`](crate::service::Child::ask).
    pub(crate) async fn config_requirements(&self) -> Result<CodexAnswer, Error> {
        self.ask(CONFIG_REQUIREMENTS_READ, Value::Null).await
    }

    /// Writes one value.
    ///
    /// # Errors
    /// Invalid for a path without names; as [`Outbox::perform`](crate::outbox::Outbox::perform).
    pub(crate) async fn write_config(&self, write: WriteConfig, actor: Actor) -> Result<Performed, Error> {
        let WriteConfig { key_path, merge_strategy, value, expected_version, file_path } = write;
        let path = key_path.joined().ok_or_else(nameless)?;
        let params = |value| told(&path, merge_strategy, value);
        let guard = Guard { version: expected_version, file: file_path };
        let (shown, params) = (guard.of(params(&REDACTED.into())), guard.of(params(&value)));
        let written = self.act_secretly(CONFIG_VALUE_WRITE, shown, Secret::new(params), actor).await;
        written.map_err(|error| about(error, "keyPath", path.clone()))
    }

    /// Writes several values.
    ///
    /// # Errors
    /// As [`Codex::write_config`].
    pub(crate) async fn write_config_batch(&self, write: WriteConfigBatch, actor: Actor) -> Result<Performed, Error> {
        let paths: Option<Vec<String>> = write.edits.iter().map(|edit| edit.key_path.joined()).collect();
        let paths = paths.ok_or_else(nameless)?;
        let edits = || write.edits.iter().zip(&paths);
        let redacted = Value::from(REDACTED);
        let shown: Vec<_> = edits().map(|(edit, path)| told(path, edit.merge_strategy, &redacted)).collect();
        let whole: Vec<_> = edits().map(|(edit, path)| told(path, edit.merge_strategy, &edit.value)).collect();
        let guard = Guard { version: write.expected_version, file: write.file_path };
        let (shown, params) = (guard.of(json!({ "edits": shown })), guard.of(json!({ "edits": whole })));
        let written = self.act_secretly(CONFIG_BATCH_WRITE, shown, Secret::new(params), actor).await;
        written.map_err(|error| about(error, "keyPaths", paths.clone()))
    }
}

/// When not to write, and where.
struct Guard {
    version: Option<Version>,
    file: Option<String>,
}

impl Guard {
    /// `params`, with what is not to be overlooked.
    fn of(&self, mut params: Value) -> Value {
        match &self.version {
            Some(Version::Number(number)) => params["expectedVersion"] = number.to_string().into(),
            Some(Version::Text(text)) => params["expectedVersion"] = text.as_str().into(),
            None => {}
        }
        if let Some(path) = &self.file {
            params["filePath"] = path.as_str().into();
        }
        params
    }
}

/// One edit as Codex takes it.
fn told(path: &str, strategy: MergeStrategy, value: &Value) -> Value {
    json!({ "keyPath": path, "mergeStrategy": strategy, "value": value })
}

impl ToSchema for KeyPath {}

impl PartialSchema for KeyPath {
    fn schema() -> RefOr<Schema> {
        let joined = ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"[^\s\u0085]"));
        OneOfBuilder::new().item(texts()).item(joined).description(Some(KEY_PATH)).into()
    }
}

impl KeyPath {
    /// As Codex takes it; `None` when it names nothing.
    fn joined(&self) -> Option<String> {
        match self {
            Self::Joined(path) => (!path.trim().is_empty()).then(|| path.clone()),
            Self::Names(names) if names.is_empty() || names.iter().any(String::is_empty) => None,
            Self::Names(names) => Some(names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(".")),
        }
    }
}

/// A name as TOML has it.
fn quoted(name: &str) -> String {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if plain { name.to_owned() } else { Value::from(name).to_string() }
}

fn nameless() -> Error {
    Error::invalid("keyPath", "it must have names, and none that is empty")
}

fn some<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<ConfigEdit>, D::Error> {
    let edits = Vec::deserialize(source)?;
    if edits.is_empty() { Err(serde::de::Error::custom("there must be at least one edit")) } else { Ok(edits) }
}

/// Hides what is secret in a configuration.
fn hide(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(hide),
        Value::Object(members) => {
            for (name, value) in members {
                let name = name.to_lowercase();
                if SECRET_ENDS.iter().any(|end| name.ends_with(end)) || SECRET_TABLES.contains(&name.as_str()) {
                    hide_all(value);
                } else {
                    hide(value);
                }
            }
        }
        _ => {}
    }
}

fn hide_all(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(hide_all),
        Value::Object(members) => members.values_mut().for_each(hide_all),
        Value::String(_) | Value::Number(_) => *value = REDACTED.into(),
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_in_names_or_joined() {
        for (path, joined) in [
            (json!("model"), Some("model")),
            (json!("a.\"b.c\""), Some("a.\"b.c\"")),
            (json!(["mcp_servers", "b.c", "en-v"]), Some("mcp_servers.\"b.c\".en-v")),
            (json!(["say \"x\""]), Some("\"say \\\"x\\\"\"")),
            (json!([]), None),
            (json!(["a", ""]), None),
            (json!(" "), None),
        ] {
            let read: KeyPath = serde_json::from_value(path.clone()).unwrap();
            assert_eq!(read.joined().as_deref(), joined, "{path}");
        }
    }

    #[test]
    fn what_is_secret_in_a_configuration_is_hidden_and_nothing_else() {
        let mut config = json!({
            "model": "gpt",
            "mcp_servers": {
                "x": { "command": "npx", "env": { "OPENAI_API_KEY": "canary" }, "bearer_token": "canary" },
            },
            "layers": [{ "config": { "shell_environment_policy": { "set": { "A": "canary" }, "inherit": "all" } } }],
            "openai_api_key": null,
        });
        hide(&mut config);
        let text = config.to_string();
        assert!(!text.contains("canary"), "{text}");
        assert_eq!((&config["model"], &config["mcp_servers"]["x"]["command"]), (&json!("gpt"), &json!("npx")));
        assert_eq!(config["layers"][0]["config"]["shell_environment_policy"]["inherit"], "all");
        assert!(config["openai_api_key"].is_null());
    }
}
