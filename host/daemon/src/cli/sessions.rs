//! `sessions`: Codex's threads, as the API has them.

mod act;
mod controls;
mod create;
mod delete;
mod get;
mod list;
mod project;
mod send;
mod settings;
mod steer;

use clap::{Args, Subcommand};
use codex_manager_model::{ApprovalPolicy, FilesystemSandbox, NetworkAccess};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Context;
use super::failure::Failure;
use super::words::word;

/// Work with sessions
#[derive(Debug, Subcommand)]
pub(super) enum Sessions {
    /// List sessions, the latest first
    #[command(after_help = "Example: codex-manager sessions list --limit 20")]
    List(list::List),
    /// Create a session, and print its id
    #[command(
        after_help = "Example: codex-manager sessions create --cwd ~/garden --filesystem-sandbox workspace-write"
    )]
    Create(create::Create),
    /// Show a session and what was said in it
    #[command(after_help = "Example: codex-manager sessions get $SESSION --limit 20")]
    Get(get::Get),
    /// Send a message, which starts a turn, and print the turn's id
    #[command(after_help = "Example: codex-manager sessions send $SESSION \"What does this project do?\"")]
    Send(send::Send),
    /// Say something to the turn that is running
    #[command(after_help = "Example: codex-manager sessions steer $SESSION \"only the unit tests\"")]
    Steer(steer::Steer),
    #[command(flatten)]
    Act(act::Act),
    /// Delete a session for good
    #[command(after_help = "Example: codex-manager sessions delete $SESSION")]
    Delete(delete::Delete),
    #[command(subcommand)]
    Controls(controls::SessionControls),
    #[command(subcommand)]
    ApprovalPolicy(controls::Policy),
    #[command(subcommand)]
    Settings(settings::Settings),
    #[command(subcommand)]
    Project(project::Project),
}

/// What a session lets Codex do; what is left out stays as it is.
#[derive(Debug, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Controls {
    /// The model
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// When Codex must ask
    #[arg(long, value_parser = word::<ApprovalPolicy>())]
    #[serde(skip_serializing_if = "Option::is_none")]
    approval_policy: Option<ApprovalPolicy>,
    /// Whether commands may use the network
    #[arg(long, value_parser = word::<NetworkAccess>())]
    #[serde(skip_serializing_if = "Option::is_none")]
    network_access: Option<NetworkAccess>,
    /// What commands may write
    #[arg(long, value_parser = word::<FilesystemSandbox>())]
    #[serde(skip_serializing_if = "Option::is_none")]
    filesystem_sandbox: Option<FilesystemSandbox>,
}

impl Sessions {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(command) => command.run(context).await,
            Self::Create(command) => command.run(context).await,
            Self::Get(command) => command.run(context).await,
            Self::Send(command) => command.run(context).await,
            Self::Steer(command) => command.run(context).await,
            Self::Act(command) => command.run(context).await,
            Self::Delete(command) => command.run(context).await,
            Self::Controls(command) => command.run(context).await,
            Self::ApprovalPolicy(command) => command.run(context).await,
            Self::Settings(command) => command.run(context).await,
            Self::Project(command) => command.run(context).await,
        }
    }
}

/// The controls that were named, as members of a request.
fn members(controls: &Controls) -> Map<String, Value> {
    match serde_json::to_value(controls) {
        Ok(Value::Object(members)) => members,
        _ => unreachable!("controls are written as an object"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn controls_that_were_not_named_are_not_sent() {
        let named = Some(ApprovalPolicy::OnRequest);
        let controls = Controls { model: None, approval_policy: named, network_access: None, filesystem_sandbox: None };
        assert_eq!(Value::Object(members(&controls)), json!({"approvalPolicy": "on-request"}));
    }
}
