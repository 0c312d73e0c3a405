//! `operations`: what became of something that was recorded, and whose answer did not come in time.

use clap::Subcommand;
use serde_json::Value;

use super::Context;
use super::failure::Failure;
use super::plain::{cell, table};

/// Ask what became of something
#[derive(Debug, Subcommand)]
pub(super) enum Operations {
    /// Show an operation
    #[command(after_help = "Example: codex-manager operations get $OPERATION")]
    Get {
        /// The operation's id, as a timeout names it
        operation: String,
    },
}

impl Operations {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self::Get { operation } = self;
        let answer = context.client()?.get(&["operations", &operation], &[]).await?;
        context.output.answer(&answer, operation_text)
    }
}

fn operation_text(body: &Value) -> String {
    let row = ["operationId", "state", "method", "updatedAt", "outcome"].map(|member| cell(&body[member]));
    table(["OPERATION", "STATE", "METHOD", "UPDATED", "OUTCOME"], &[row])
}
