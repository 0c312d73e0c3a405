//! `approvals`: what waits for a person, and deciding it.

use clap::Subcommand;
use codex_manager_model::{Decision, DecisionScope};
use serde_json::{Value, json};

use super::Context;
use super::failure::Failure;
use super::plain::{cell, line, table, time};
use super::words::word;

/// How much of what is asked a list shows.
const SUMMARY_WIDTH: usize = 80;

/// See and decide what waits for approval
#[derive(Debug, Subcommand)]
pub(super) enum Approvals {
    /// List what waits, the oldest first
    List {
        /// Only those of this session
        #[arg(long)]
        session: Option<String>,
    },
    /// Decide one
    Decide {
        /// The approval's id
        approval: String,
        /// accept does it, decline goes on without, cancel ends the turn
        #[arg(value_parser = word::<Decision>())]
        decision: Decision,
        /// How far an acceptance reaches
        #[arg(long, value_parser = word::<DecisionScope>(), default_value = "turn")]
        scope: DecisionScope,
    },
}

impl Approvals {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List { session } => list(context, session.as_deref()).await,
            Self::Decide { approval, decision, scope } => decide(context, &approval, decision, scope).await,
        }
    }
}

async fn list(context: &Context, session: Option<&str>) -> Result<(), Failure> {
    let client = context.client()?;
    let answer = match session {
        Some(session) => client.get(&["sessions", session, "approvals"], &[]).await?,
        None => client.get(&["approvals"], &[]).await?,
    };
    context.output.answer(&answer, approvals_text)
}

async fn decide(context: &Context, approval: &str, decision: Decision, scope: DecisionScope) -> Result<(), Failure> {
    let body = json!({ "decision": decision, "scope": scope });
    let answer = context.client()?.post(&["approvals", approval, "decision"], &body).await?;
    context.output.answer(&answer, |body| format!("{} decided", cell(&body["approvalId"])))
}

fn approvals_text(body: &Value) -> String {
    let row = |approval: &Value| {
        let summary = line(approval["summary"].as_str().unwrap_or_default(), SUMMARY_WIDTH);
        [cell(&approval["approvalId"]), cell(&approval["threadId"]), time(&approval["createdAt"]), summary]
    };
    let rows: Vec<_> = body["data"].as_array().into_iter().flatten().map(row).collect();
    table(["APPROVAL", "SESSION", "ASKED", "WHAT"], &rows)
}
