//! `system`: the daemon itself, and what the Codex that it runs can do.

use clap::Subcommand;
use serde_json::Value;

use super::Context;
use super::failure::Failure;
use super::plain::{cell, pretty, table};

/// Ask about the daemon and its Codex
#[derive(Debug, Subcommand)]
pub(super) enum System {
    /// What this is
    Info,
    /// How it is
    Health,
    /// What the Codex that runs can do
    Capabilities {
        /// Find out again
        #[arg(long)]
        refresh: bool,
    },
}

impl System {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.client()?;
        match self {
            Self::Info => context.output.answer(&client.get(&[], &[]).await?, info_text),
            Self::Health => context.output.answer(&client.get(&["health"], &[]).await?, pretty),
            Self::Capabilities { refresh } => {
                let query: &[_] = if refresh { &[("refresh", "true".to_owned())] } else { &[] };
                context.output.answer(&client.get(&["capabilities"], query).await?, capabilities_text)
            }
        }
    }
}

fn info_text(body: &Value) -> String {
    format!("{} {}", cell(&body["name"]), cell(&body["version"]))
}

fn capabilities_text(body: &Value) -> String {
    let row = |(name, detail): (&String, &Value)| {
        [cell(&name.as_str().into()), cell(&detail["status"]), cell(&detail["reason"])]
    };
    let rows: Vec<_> = body["details"].as_object().into_iter().flatten().map(row).collect();
    table(["METHOD", "STATUS", "REASON"], &rows)
}
