//! `ext`: building extensions, seeing what there is and what each may do, approving, switching off and on, logs.
//!
//! Building is done here; everything else is the daemon's. Nothing runs that was not approved.

mod approve;
mod build;
mod list;
mod logs;
mod screen;

use clap::Subcommand;
use codex_manager_extension::ExtensionId;
use serde_json::json;

use super::Context;
use super::failure::Failure;
use super::plain::cell;
use screen::PATH;

/// What `ext list` says in its columns.
const STATES: &str = "\
An extension is dropped as a folder with extension.toml and its component, into one of the daemon's
drop folders (`codex-manager serve --extensions`, else ./extensions where the daemon was started).

RUNS is the version that runs, WAITS one that waits for a yes. STATE:
  pending      dropped and never approved: it does not run
  enabled      the approved copy runs, whatever lies in the folder by now
  disabled     approved, and switched off by a person
  quarantined  approved, and switched off by the daemon because it failed too often
  faulty       what was dropped cannot be approved; the lines below say why and what to mend

Example: codex-manager ext list";

/// Build, approve and look after extensions
#[derive(Debug, Subcommand)]
pub(super) enum Ext {
    /// Build an extension from its Rust source, on this machine, and print where its component is
    #[command(after_help = build::MORE)]
    Build(build::Build),
    /// List what was dropped and what was approved, with the next step for each
    #[command(after_help = STATES)]
    List,
    /// Have the daemon look at its drop folders again; fails if anything in them is broken
    #[command(after_help = "Example: codex-manager ext reload")]
    Reload,
    /// Show what an extension may do and what it asks for
    #[command(after_help = "Example: codex-manager ext show codex-manager.guard")]
    Show {
        /// The extension's id: owner.name
        extension: ExtensionId,
    },
    /// Approve what waits: shows it, and asks
    #[command(after_help = "Example: codex-manager ext approve codex-manager.guard")]
    Approve {
        /// The extension's id: owner.name
        extension: ExtensionId,
        /// Approve this, as `ext show` names it, without being asked
        #[arg(long)]
        digest: Option<String>,
    },
    /// Switch an extension off
    #[command(after_help = "Example: codex-manager ext disable codex-manager.guard")]
    Disable {
        /// The extension's id: owner.name
        extension: ExtensionId,
    },
    /// Let an extension run again, also out of quarantine
    #[command(after_help = "Example: codex-manager ext enable codex-manager.guard")]
    Enable {
        /// The extension's id: owner.name
        extension: ExtensionId,
    },
    /// Take an approval back: it waits for a yes again. What the extension has kept stays, should it get one
    #[command(after_help = "Example: codex-manager ext revoke codex-manager.guard")]
    Revoke {
        /// The extension's id: owner.name
        extension: ExtensionId,
    },
    /// Show what an extension did and logged, the newest last
    #[command(after_help = "Example: codex-manager ext logs codex-manager.guard --acted --limit 10")]
    Logs(logs::Logs),
}

impl Ext {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Build(command) => command.run(context).await,
            Self::List => list::list(context).await,
            Self::Reload => reload(context).await,
            Self::Show { extension } => screen::show(context, extension.as_str()).await,
            Self::Approve { extension, digest } => approve::approve(context, extension.as_str(), digest).await,
            Self::Disable { extension } => switch(context, extension.as_str(), "disable").await,
            Self::Enable { extension } => switch(context, extension.as_str(), "enable").await,
            Self::Revoke { extension } => revoke(context, extension.as_str()).await,
            Self::Logs(command) => command.run(context).await,
        }
    }
}

async fn reload(context: &Context) -> Result<(), Failure> {
    let answer = context.client()?.post(&[PATH[0], PATH[1], "reload"], &json!({})).await?;
    context.output.answer(&answer, |body| format!("nothing is faulty; {} run", cell(&body["loadedCount"])))
}

async fn switch(context: &Context, extension: &str, verb: &str) -> Result<(), Failure> {
    let answer = context.client()?.post(&["agents", "extensions", extension, verb], &json!({})).await?;
    context.output.answer(&answer, |body| format!("{} {verb}d", cell(&body["extensionId"])))
}

async fn revoke(context: &Context, extension: &str) -> Result<(), Failure> {
    let answer = context.client()?.delete(&["agents", "extensions", extension]).await?;
    context.output.answer(&answer, |body| {
        let id = cell(&body["extensionId"]);
        format!("{id} revoked; what it has kept stays with its id, and is there again if it is approved again")
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::Cli;

    #[test]
    fn what_is_no_id_and_no_number_of_calls_is_told_before_any_daemon_is_asked() {
        for (line, told) in [
            ("codex-manager ext show foo", "\"foo\" is not an id: it should be owner.name"),
            ("codex-manager ext logs a.b --limit 0", "0 is not in 1..=200"),
        ] {
            let refused = Cli::try_parse_from(line.split(' ')).unwrap_err().to_string();
            assert!(refused.contains(told), "{refused}");
        }
    }
}
