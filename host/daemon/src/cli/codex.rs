//! `codex`: Codex's own configuration, commands in its sandbox, and its methods as they are.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Context;
use super::failure::{Exit, Failure};
use super::output::{Output, remark};
use super::plain::{plain, pretty};

/// Have Codex itself do or tell something
#[derive(Debug, Subcommand)]
pub(super) enum Codex {
    /// See and write Codex's own configuration
    #[command(subcommand)]
    Config(CodexConfig),
    /// Run a command in Codex's sandbox
    #[command(after_help = "Example: codex-manager codex exec --cwd /tmp ls -l")]
    Exec(Exec),
    /// Call a method that only tells, as it is
    #[command(after_help = "Example: codex-manager codex call thread/loaded/list {}")]
    Call {
        /// The method, such as hooks/list
        method: String,
        /// What it takes, as JSON
        #[arg(default_value = "{}", value_parser = json_value)]
        params: Value,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum CodexConfig {
    /// Show it as it takes effect
    Get {
        /// For this folder
        #[arg(long)]
        cwd: Option<String>,
        /// Tell where each value comes from
        #[arg(long)]
        include_layers: bool,
    },
    /// Show what is demanded of it on this machine
    Requirements,
    /// Write one value
    #[command(after_help = "Example: codex-manager codex config set model gpt-5")]
    Set {
        /// Where it belongs, such as model or tui.theme
        key: String,
        /// The value as JSON; what is none is a text
        #[arg(value_parser = value)]
        value: Value,
        #[command(flatten)]
        how: How,
    },
    /// Write several values, all or none
    #[command(after_help = "Example: codex-manager codex config batch-set model=gpt-5 tui.animations=false")]
    BatchSet {
        /// KEY=VALUE, each as for `set`
        #[arg(required = true, value_parser = edit)]
        edits: Vec<(String, Value)>,
        #[command(flatten)]
        how: How,
    },
}

/// How to write.
#[derive(Debug, Args)]
pub(super) struct How {
    /// What becomes of what is there
    #[arg(long, value_enum, default_value = "replace")]
    merge: Merge,
    /// Only if this is still the version
    #[arg(long)]
    expected_version: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Merge {
    Replace,
    Upsert,
}

#[derive(Debug, Args)]
pub(super) struct Exec {
    /// Where it starts [default: where the daemon does]
    #[arg(long)]
    cwd: Option<String>,
    /// How many milliseconds it may run
    #[arg(long)]
    timeout_ms: Option<u32>,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

impl Codex {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Config(config) => config.run(context).await,
            Self::Exec(exec) => exec.run(context).await,
            Self::Call { method, params } => {
                let body = json!({ "method": method, "params": params });
                context.output.answer(&context.client()?.post(&["codex", "call"], &body).await?, pretty)
            }
        }
    }
}

impl CodexConfig {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.client()?;
        let answer = match self {
            Self::Get { cwd, include_layers } => {
                let mut query = vec![("includeLayers", include_layers.to_string())];
                query.extend(cwd.map(|cwd| ("cwd", cwd)));
                client.get(&["config"], &query).await?
            }
            Self::Requirements => client.get(&["config", "requirements"], &[]).await?,
            Self::Set { key, value, how } => {
                client.post(&["config", "value"], &how.guard(how.edit(&key, &value))).await?
            }
            Self::BatchSet { edits, how } => {
                let edits: Vec<_> = edits.iter().map(|(key, value)| how.edit(key, value)).collect();
                client.post(&["config", "batch"], &how.guard(json!({ "edits": edits }))).await?
            }
        };
        context.output.answer(&answer, pretty)
    }
}

impl How {
    fn edit(&self, key: &str, value: &Value) -> Value {
        let merge = match self.merge {
            Merge::Replace => "replace",
            Merge::Upsert => "upsert",
        };
        json!({ "keyPath": key, "mergeStrategy": merge, "value": value })
    }

    fn guard(&self, mut body: Value) -> Value {
        if let Some(version) = &self.expected_version {
            body["expectedVersion"] = version.as_str().into();
        }
        body
    }
}

impl Exec {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let body = json!({ "command": self.command, "cwd": self.cwd, "timeoutMs": self.timeout_ms });
        let answer = context.client()?.post(&["commands", "exec"], &body).await?;
        let result = &answer.json["result"];
        let [said, complained] = ["stdout", "stderr"].map(|member| result[member].as_str().unwrap_or_default());
        if !complained.is_empty() {
            remark(&plain(complained.trim_end_matches('\n')));
        }
        if context.output == Output::Json || !said.is_empty() {
            context.output.answer(&answer, |_| plain(said.trim_end_matches('\n')).into_owned())?;
        }
        match result["exitCode"].as_i64() {
            Some(0) | None => Ok(()),
            Some(code) => Err(Failure::new(Exit::Failed, format!("the command ended with code {code}"))),
        }
    }
}

fn json_value(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn value(text: &str) -> Result<Value, String> {
    Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into()))
}

fn edit(text: &str) -> Result<(String, Value), String> {
    let (key, text) = text.split_once('=').ok_or("it looks like KEY=VALUE")?;
    Ok((key.to_owned(), value(text)?))
}
