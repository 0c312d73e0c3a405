//! `tool-calls`: tools of our own that Codex calls, and saying what they came to.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Context;
use super::failure::Failure;
use super::interactions::{Listed, object};
use super::plain::cell;

/// See and answer calls of tools that are not Codex's own
#[derive(Debug, Subcommand)]
pub(super) enum ToolCalls {
    /// List them
    List(Listed),
    /// Say what one came to
    #[command(after_help = "Example: codex-manager tool-calls respond $CALL --text \"it is sunny\"")]
    Respond(Respond),
}

#[derive(Debug, Args)]
pub(super) struct Respond {
    /// The call's id
    call: String,
    /// What the tool has to say
    #[arg(long)]
    text: Option<String>,
    /// It did not do what it was called for
    #[arg(long)]
    failed: bool,
    /// The whole answer to Codex, as a JSON object
    #[arg(long, value_parser = object, value_name = "JSON", conflicts_with_all = ["text", "failed"])]
    response: Option<Value>,
}

impl ToolCalls {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(listed) => listed.run(context, "tool-calls", "requestId").await,
            Self::Respond(respond) => respond.run(context).await,
        }
    }
}

impl Respond {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let body = match self.response {
            Some(response) => json!({ "response": response }),
            None => json!({ "success": !self.failed, "text": self.text }),
        };
        let answer = context.client()?.post(&["tool-calls", &self.call, "response"], &body).await?;
        context.output.answer(&answer, |body| format!("{} answered", cell(&body["requestId"])))
    }
}
