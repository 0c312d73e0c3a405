//! `approvals`: what waits for a person, and deciding it.

use clap::{Args, Subcommand};
use codex_manager_model::{Decision, DecisionScope};
use serde_json::{Value, json};

use super::Context;
use super::failure::Failure;
use super::interactions::{Listed, object};
use super::plain::cell;
use super::words::word;

/// See and decide what waits for approval
#[derive(Debug, Subcommand)]
pub(super) enum Approvals {
    /// List them
    #[command(after_help = "Example: codex-manager approvals list --session $SESSION --state all")]
    List(Listed),
    /// Decide one
    #[command(after_help = "Example: codex-manager approvals decide $APPROVAL accept --scope session")]
    Decide(Decide),
}

#[derive(Debug, Args)]
pub(super) struct Decide {
    /// The approval's id
    approval: String,
    /// accept does it, decline goes on without, cancel ends the turn
    #[arg(value_parser = word::<Decision>())]
    decision: Decision,
    /// How far an acceptance reaches: for this turn unless it says otherwise
    #[arg(long, value_parser = word::<DecisionScope>(), conflicts_with_all = ["exec_policy", "network_policy", "response"])]
    scope: Option<DecisionScope>,
    /// Never ask again for commands that begin with these words, as Codex proposes them: `--exec-policy git status`
    #[arg(long, num_args = 1.., value_name = "WORD", conflicts_with = "response")]
    exec_policy: Vec<String>,
    /// From now on let this host be reached, or with `decline` never, as Codex proposes it
    #[arg(long, value_name = "HOST", conflicts_with_all = ["exec_policy", "response"])]
    network_policy: Option<String>,
    /// The whole answer to Codex, as a JSON object
    #[arg(long, value_parser = object, value_name = "JSON")]
    response: Option<Value>,
}

impl Approvals {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(listed) => listed.run(context, "approvals", "approvalId").await,
            Self::Decide(decide) => decide.run(context).await,
        }
    }
}

impl Decide {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let mut body = json!({ "decision": self.decision });
        if let Some(scope) = self.scope {
            body["scope"] = json!(scope);
        }
        if !self.exec_policy.is_empty() {
            body["execPolicyAmendment"] = json!(self.exec_policy);
        }
        if let Some(host) = self.network_policy {
            let action = if self.decision == Decision::Accept { "allow" } else { "deny" };
            body["networkPolicyAmendment"] = json!({ "host": host, "action": action });
        }
        if let Some(response) = self.response {
            body["response"] = response;
        }
        let answer = context.client()?.post(&["approvals", &self.approval, "decision"], &body).await?;
        context.output.answer(&answer, |body| format!("{} decided", cell(&body["approvalId"])))
    }
}
