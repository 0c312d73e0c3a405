//! `projects`: names for sessions that belong together.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use super::Context;
use super::failure::{Exit, Failure};
use super::plain::{cell, table};

/// Work with projects
#[derive(Debug, Subcommand)]
pub(super) enum Projects {
    /// List projects, by name
    List,
    /// Make a project
    Create {
        /// What to call it
        name: String,
        /// The folder that its sessions start in
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
    /// Give a project another name, or another folder
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
    Delete {
        /// The project's id
        project: String,
    },
    /// List the sessions of a project's workers
    AgentSessions {
        /// The project's id, or `session:` and the id of a session
        owner: String,
    },
    /// Take all sessions out of a project
    MoveAll {
        /// The project's id
        project: String,
        /// What becomes of them
        #[arg(long, value_enum)]
        to: Destination,
    },
    /// Delete all sessions of a project for good
    DeleteAll {
        /// The project's id
        project: String,
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
            Self::List => context.output.answer(&client.get(&["projects"], &[]).await?, projects_text),
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
                context.output.answer(&answer, agents_text)
            }
            Self::MoveAll { project, to } => {
                let body = json!({ "destination": word(to) });
                let answer = client.post(&["projects", &project, "chats", "move-all"], &body).await?;
                context.output.answer(&answer, |body| counted(body, "movedSessionCount", "moved"))
            }
            Self::DeleteAll { project } => {
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
    format!("{} sessions {done}", cell(&body[member]))
}

fn projects_text(body: &Value) -> String {
    let row =
        |project: &Value| [cell(&project["projectId"]), cell(&project["name"]), cell(&project["workingDirectory"])];
    let rows: Vec<_> = body["data"].as_array().into_iter().flatten().map(row).collect();
    table(["PROJECT", "NAME", "FOLDER"], &rows)
}

fn agents_text(body: &Value) -> String {
    let row = |session: &Value| [cell(&session["agent"]), cell(&session["sessionId"])];
    let rows: Vec<_> = body["data"].as_array().into_iter().flatten().map(row).collect();
    table(["AGENT", "SESSION"], &rows)
}
