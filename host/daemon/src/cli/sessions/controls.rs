//! `sessions controls` and `sessions approval-policy`: what a session lets Codex do, and what new ones do.

use clap::{Args, Subcommand, ValueEnum};
use codex_manager_model::ApprovalPolicy;
use serde_json::{Map, Value, json};

use super::{Controls, members};
use crate::cli::Context;
use crate::cli::failure::Failure;
use crate::cli::plain::{cell, table};
use crate::cli::words::word;

/// Whose controls or settings are meant.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(in crate::cli) enum Scope {
    /// Those of the session
    #[default]
    Session,
    /// Those that new sessions begin with
    Default,
}

/// Show and change what a session lets Codex do
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SessionControls {
    /// Show the controls of a session, and those of new ones
    #[command(after_help = "Example: codex-manager sessions controls get $SESSION")]
    Get {
        /// The session's id
        session: String,
    },
    /// Change controls; what is left out stays as it is
    #[command(after_help = "Example: codex-manager sessions controls apply $SESSION --network-access enabled")]
    Apply {
        /// The session's id
        session: String,
        #[command(flatten)]
        scope: Scoped,
        #[command(flatten)]
        controls: Controls,
    },
}

/// Change when Codex must ask
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Policy {
    /// Change when Codex must ask in a session
    #[command(after_help = "Example: codex-manager sessions approval-policy set $SESSION on-request")]
    Set {
        /// The session's id
        session: String,
        /// When it must
        #[arg(value_parser = word::<ApprovalPolicy>())]
        policy: ApprovalPolicy,
    },
}

/// Whose they are.
#[derive(Debug, Args)]
pub(in crate::cli) struct Scoped {
    /// Whose they are
    #[arg(long, value_enum, default_value = "session")]
    scope: Scope,
}

impl Scoped {
    /// The scope in the words of the API.
    pub(super) fn word(&self) -> &'static str {
        match self.scope {
            Scope::Session => "session",
            Scope::Default => "default",
        }
    }
}

impl SessionControls {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Get { session } => {
                let answer = context.client()?.get(&["sessions", &session, "session-controls"], &[]).await?;
                context.output.answer(&answer, both_text)
            }
            Self::Apply { session, scope, controls } => apply(context, &session, &scope, &controls).await,
        }
    }
}

impl Policy {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self::Set { session, policy } = self;
        let body = json!({ "approvalPolicy": policy });
        let answer = context.client()?.post(&["sessions", &session, "approval-policy"], &body).await?;
        context.output.answer(&answer, |body| cell(&body["approvalPolicy"]))
    }
}

/// The API wants all of them said, so the present ones are asked for first.
async fn apply(context: &Context, session: &str, scope: &Scoped, controls: &Controls) -> Result<(), Failure> {
    let client = context.client()?;
    let path = ["sessions", session, "session-controls"];
    let present = client.get(&path, &[]).await?.json;
    let present = &present[if scope.word() == "default" { "defaults" } else { "controls" }];
    let mut whole: Map<String, Value> = ["model", "approvalPolicy", "networkAccess", "filesystemSandbox"]
        .map(|member| (member.to_owned(), present[member].clone()))
        .into_iter()
        .collect();
    whole.extend(members(controls));
    let body = json!({ "scope": scope.word(), "controls": whole, "source": "cli" });
    let answer = client.post(&path, &body).await?;
    context.output.answer(&answer, |body| format!("{}: {}", cell(&body["status"]), cell(&body["summary"])))
}

fn both_text(body: &Value) -> String {
    let row = |name: &str, controls: &Value| {
        let member = |member: &str| cell(&controls[member]);
        [
            name.to_owned(),
            member("model"),
            member("approvalPolicy"),
            member("networkAccess"),
            member("filesystemSandbox"),
        ]
    };
    let rows = [row("this session", &body["controls"]), row("new sessions", &body["defaults"])];
    let mut text = table(["", "MODEL", "APPROVALS", "NETWORK", "SANDBOX"], &rows);
    if let Some(reason) = body["defaultLockReason"].as_str() {
        text.push_str(&format!("\nthose of new sessions are locked: {}", cell(&reason.into())));
    }
    text
}
