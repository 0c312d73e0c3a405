//! `projects`: names for sessions that belong together.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use super::Context;
use super::confirm::{Yes, ask};
use super::failure::{Exit, Failure};
use super::plain::{cell, plain};

/// Work with projects
#[derive(Debug, Subcommand)]
pub(super) enum Projects {
    /// List projects, by name
    List,
    /// Make a project
    #[command(after_help = "Example: codex-manager projects create Garden --folder ~/garden")]
    Create {
        /// What to call it
        name: String,
        /// The folder that its sessions start in
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
    /// Give a project another name, or another folder
    #[command(after_help = "Example: codex-manager projects rename $PROJECT Yard")]
    Rename {
        /// The project's id
        project: String,
        /// What to call it
        name: String,
        /// The folder that its sessions start in; with another one, the sessions of its workers are deleted
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
    /// Delete a project that has no sessions
    #[command(after_help = "Example: codex-manager projects delete $PROJECT")]
    Delete {
        /// The project's id
        project: String,
    },
    /// List the sessions of a project's workers
    #[command(after_help = "Example: codex-manager projects agent-sessions $PROJECT")]
    AgentSessions {
        /// The project's id, or `session:` and the id of a session
        owner: String,
    },
    /// Take all sessions out of a project
    #[command(after_help = "Example: codex-manager projects move-all $PROJECT --to archive")]
    MoveAll {
        /// The project's id
        project: String,
        /// What becomes of them
        #[arg(long, value_enum)]
        to: Destination,
    },
    /// Delete all sessions of a project for good
    #[command(after_help = "Example: codex-manager projects delete-all $PROJECT")]
    DeleteAll {
        /// The project's id
        project: String,
        #[command(flatten)]
        yes: Yes,
    },
}

/// Where the sessions of a project go.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Destination {
    /// Out of the project, and nothing else
    Unassigned,
    /// Out of the project, and put away
    Archive,
}

impl Projects {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.client()?;
        match self {
            Self::List => {
                let answer = client.get(&["projects"], &[]).await?;
                let nothing = "there are no projects; `codex-manager projects create` makes one";
                context.output.list(&answer, ["PROJECT", "NAME", "FOLDER"], nothing, |project| {
                    ["projectId", "name", "workingDirectory"].map(|member| cell(&project[member]))
                })
            }
            Self::Create { name, folder } => {
                let answer = client.post(&["projects"], &named(name, folder)?).await?;
                context.output.answer(&answer, |body| cell(&body["project"]["projectId"]))
            }
            Self::Rename { project, name, folder } => {
                let answer = client.post(&["projects", &project, "rename"], &named(name, folder)?).await?;
                context.output.answer(&answer, |body| cell(&body["project"]["name"]))
            }
            Self::Delete { project } => {
                let answer = client.delete(&["projects", &project]).await?;
                context.output.answer(&answer, |body| cell(&body["projectId"]))
            }
            Self::AgentSessions { owner } => {
                let answer = client.get(&["projects", &owner, "agent-sessions"], &[]).await?;
                context.output.list(&answer, ["AGENT", "SESSION"], "no worker has a session there", |session| {
                    ["agent", "sessionId"].map(|member| cell(&session[member]))
                })
            }
            Self::MoveAll { project, to } => {
                let body = json!({ "destination": word(to) });
                let answer = client.post(&["projects", &project, "chats", "move-all"], &body).await?;
                context.output.answer(&answer, |body| counted(body, "movedSessionCount", "moved"))
            }
            Self::DeleteAll { project, yes } => {
                if yes.is_missing()? {
                    let question = format!("Delete all sessions of {project} for good?");
                    ask(&plain(&question), "nothing was deleted")?;
                }
                let answer = client.post(&["projects", &project, "chats", "delete-all"], &json!({})).await?;
                context.output.answer(&answer, |body| counted(body, "deletedSessionCount", "deleted"))
            }
        }
    }
}

fn named(name: String, folder: Option<PathBuf>) -> Result<Value, Failure> {
    let mut body = Map::from_iter([("name".to_owned(), name.into())]);
    if let Some(folder) = folder {
        let folder = std::path::absolute(folder).map_err(|error| Failure::because(Exit::Usage, &error))?;
        body.insert("workingDirectory".to_owned(), folder.to_string_lossy().into());
    }
    Ok(Value::Object(body))
}

fn word(destination: Destination) -> &'static str {
    match destination {
        Destination::Unassigned => "unassigned",
        Destination::Archive => "archive",
    }
}

fn counted(body: &Value, member: &str, done: &str) -> String {
    format!("sessions {done}: {}", cell(&body[member]))
}
