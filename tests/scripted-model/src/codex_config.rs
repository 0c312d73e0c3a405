//! The Codex configuration that makes a turn need nothing but this model.

/// How long Codex waits for the next piece of an answer: long enough for an answer that is held.
const STREAM_IDLE_MILLISECONDS: u32 = 300_000;

/// The text of a `config.toml` for a fresh `CODEX_HOME`: Codex asks the model at `base_url` (see
/// [`ScriptedModel::base_url`](crate::ScriptedModel::base_url)) and contacts nobody else. `sandbox_mode` is `read-only`,
/// `workspace-write` or `danger-full-access`.
///
/// The model's name is one of Codex's own catalogue, because that decides which tools it offers; nothing is retried, so
/// that a failure is told at once; features that reach for the network are off.
pub fn codex_config(base_url: &str, sandbox_mode: &str) -> String {
    format!(
        r#"model = "gpt-5.5"
model_provider = "scripted"
approval_policy = "on-request"
sandbox_mode = "{sandbox_mode}"
check_for_update_on_startup = false
web_search = "disabled"

[model_providers.scripted]
name = "Scripted model"
base_url = "{base_url}"
wire_api = "responses"
requires_openai_auth = false
supports_websockets = false
request_max_retries = 0
stream_max_retries = 0
stream_idle_timeout_ms = {STREAM_IDLE_MILLISECONDS}

[features]
plugins = false
apps = false
shell_snapshot = false
unbounded_connection_retries = false
default_mode_request_user_input = true

[analytics]
enabled = false

[feedback]
enabled = false

[history]
persistence = "none"
"#
    )
}
