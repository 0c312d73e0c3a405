//! `ext`: building extensions, seeing what there is and what each may do, approving, switching off and on, logs.
//!
//! Building is done here; everything else is the daemon's. Nothing runs that was not approved.

mod approve;
mod build;
mod list;
mod logs;
mod offline;
mod screen;

use clap::{Subcommand, ValueEnum};
use codex_manager_extension::ExtensionId;
use serde_json::{Value, json};

use super::Context;
use super::client::Answer;
use super::failure::Failure;
use super::plain::cell;
pub(super) use list::rule;
use screen::PATH;

/// What `ext list` says in its columns.
const STATES: &str = "\
An extension is dropped as a folder with extension.toml and its component, into one of the daemon's
drop folders (`codex-manager serve --extensions`, else ./extensions where the daemon was started).

RUNS is the version that runs, WAITS one that waits for a yes. STATE, of the approved version:
  pending      dropped and never approved: it does not run
  approved     enabled, and it waits for its turn to be compiled, or cannot be
  compiling    enabled, and its compiler is at work; RUNS is the version before it, if there was one
  ready        compiled; it runs in a moment
  running      the approved copy runs, whatever lies in the folder by now
  disabled     approved, and switched off by a person
  quarantined  approved, and switched off by the daemon because it failed too often
  faulty       what was dropped cannot be approved; the lines below say why and what to mend
While one that may accept or decline what Codex asks does not run, only a person accepts that:
unless a person has disabled it, or it is quarantined and not required (`ext require`).

Example: codex-manager ext list";

/// What `ext require` means.
const REQUIRE: &str = "\
While a required extension has not answered, no other extension may accept a command; you can. That
holds where it is late, fails, is compiled, or is in quarantine. What may decline is required unless its
approver says otherwise; `ext disable` and `ext revoke` end it. Not required, it is waited for while it
is being compiled, and not where it fails.

Example: codex-manager ext require codex-manager.guard";

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
        /// Whether no other extension may accept before this one has answered. If you do not say: as it was, and for one
        /// that may decline and could not before, yes
        #[arg(long, value_name = "YES|NO")]
        required: Option<YesNo>,
    },
    /// Say that no other extension may accept a command before this one has answered
    #[command(after_help = REQUIRE)]
    Require {
        /// The extension's id: owner.name
        extension: ExtensionId,
        /// Say the opposite: where it fails or is late, other extensions may accept
        #[arg(long)]
        off: bool,
    },
    /// Switch an extension off, also where no daemon runs. Until it is enabled again nobody waits for its answer
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
    /// Take an approval back, also where no daemon runs: it waits for a yes again. What the extension has kept stays, should
    /// it get one
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
            Self::Approve { extension, digest, required } => {
                approve::approve(context, extension.as_str(), digest, required.map(YesNo::is_yes)).await
            }
            Self::Require { extension, off } => require(context, extension.as_str(), !off).await,
            Self::Disable { extension } => disable(context, &extension).await,
            Self::Enable { extension } => enable(context, extension.as_str()).await,
            Self::Revoke { extension } => revoke(context, &extension).await,
            Self::Logs(command) => command.run(context).await,
        }
    }
}

async fn reload(context: &Context) -> Result<(), Failure> {
    let answer = context.client()?.post(&[PATH[0], PATH[1], "reload"], &json!({})).await?;
    context.output.answer(&answer, |body| format!("nothing is faulty; {} run", cell(&body["loadedCount"])))
}

async fn switch(context: &Context, extension: &str, verb: &str) -> Result<Answer, Failure> {
    context.client()?.post(&["agents", "extensions", extension, verb], &json!({})).await
}

async fn enable(context: &Context, extension: &str) -> Result<(), Failure> {
    let answer = switch(context, extension, "enable").await?;
    context.output.answer(&answer, |body| format!("{} enabled; {}", cell(&body["extensionId"]), state(body)))
}

async fn require(context: &Context, extension: &str, required: bool) -> Result<(), Failure> {
    let path = ["agents", "extensions", extension, "require"];
    let answer = context.client()?.post(&path, &json!({ "required": required })).await?;
    context.output.answer(&answer, |body| {
        let required = if body["required"] == true { "required" } else { "not required" };
        format!("{} is {required}; {}", cell(&body["extensionId"]), state(body))
    })
}

async fn disable(context: &Context, extension: &ExtensionId) -> Result<(), Failure> {
    let answer = offline::or_here(context, switch(context, extension.as_str(), "disable").await, |offline| {
        offline.disable(extension)
    });
    context.output.answer(&answer.await?, |body| {
        let without =
            if body["required"] == true { "; nobody waits for its answer until it is enabled again" } else { "" };
        format!("{} disabled{without}", cell(&body["extensionId"]))
    })
}

async fn revoke(context: &Context, extension: &ExtensionId) -> Result<(), Failure> {
    let asked = match context.client() {
        Ok(client) => client.delete(&["agents", "extensions", extension.as_str()]).await,
        Err(failure) => Err(failure),
    };
    let answer = offline::or_here(context, asked, |offline| offline.revoke(extension)).await?;
    context.output.answer(&answer, |body| {
        let id = cell(&body["extensionId"]);
        format!("{id} revoked; what it has kept stays with its id, and is there again if it is approved again")
    })
}

/// How far one has come that was approved or enabled, in a few words.
fn state(body: &Value) -> String {
    match body["state"].as_str().unwrap_or_default() {
        "running" => "it runs".to_owned(),
        "ready" => "it runs in a moment".to_owned(),
        "compiling" => format!("it is being compiled{}", meanwhile(body)),
        "approved" => format!("it is to be compiled{}", meanwhile(body)),
        state => format!("it is {state}"),
    }
}

/// What runs until it is ready.
fn meanwhile(body: &Value) -> String {
    match body["approved"]["predecessor"]["version"].as_str() {
        Some(version) => format!(", and {version} runs until it is ready"),
        None => String::new(),
    }
}

/// An answer on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum YesNo {
    /// Yes.
    Yes,
    /// No.
    No,
}

impl YesNo {
    const fn is_yes(self) -> bool {
        matches!(self, Self::Yes)
    }
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
