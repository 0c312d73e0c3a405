//! `sessions`: Codex's threads, as the API has them.

mod controls;
mod project;
mod settings;

use std::io::{Read, stdin};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use codex_manager_model::{ApprovalPolicy, FilesystemSandbox, NetworkAccess};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Context;
use super::failure::{Exit, Failure};
use super::plain::{cell, line, plain, table, time};
use super::words::word;

/// How much of a title a list shows.
const TITLE_WIDTH: usize = 48;
/// How much of the reason for a failure is shown.
const REASON_WIDTH: usize = 400;

/// Work with sessions
#[derive(Debug, Subcommand)]
pub(super) enum Sessions {
    /// List sessions, the latest first
    List {
        /// List those that were put away instead
        #[arg(long)]
        archived: bool,
        /// How many at most
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: Option<u32>,
        /// Go on where the previous page ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Create a session
    Create {
        /// The folder that its commands start in [default: this one]
        #[arg(long)]
        cwd: Option<PathBuf>,
        #[command(flatten)]
        controls: Controls,
    },
    /// Show a session and what was said in it
    Get {
        /// The session's id
        session: String,
    },
    /// Send a message, which starts a turn
    Send {
        /// The session's id
        session: String,
        /// The message; `-` reads it from stdin
        text: String,
        /// How hard the model thinks
        #[arg(long)]
        effort: Option<String>,
        #[command(flatten)]
        controls: Controls,
    },
    /// Interrupt the turn that is running
    Interrupt {
        /// The session's id
        session: String,
        /// Only if this turn is the one
        #[arg(long)]
        turn: Option<String>,
    },
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
            Self::List { archived, limit, cursor } => list(context, archived, limit, cursor).await,
            Self::Create { cwd, controls } => create(context, cwd, &controls).await,
            Self::Get { session } => get(context, &session).await,
            Self::Send { session, text, effort, controls } => send(context, &session, text, effort, &controls).await,
            Self::Interrupt { session, turn } => interrupt(context, &session, turn).await,
            Self::Controls(command) => command.run(context).await,
            Self::ApprovalPolicy(command) => command.run(context).await,
            Self::Settings(command) => command.run(context).await,
            Self::Project(command) => command.run(context).await,
        }
    }
}

async fn list(context: &Context, archived: bool, limit: Option<u32>, cursor: Option<String>) -> Result<(), Failure> {
    let mut query = vec![("archived", archived.to_string())];
    query.extend(limit.map(|limit| ("limit", limit.to_string())));
    query.extend(cursor.map(|cursor| ("cursor", cursor)));
    let answer = context.client()?.get(&["sessions"], &query).await?;
    context.output.answer(&answer, sessions_text)
}

async fn create(context: &Context, cwd: Option<PathBuf>, controls: &Controls) -> Result<(), Failure> {
    let cwd = std::path::absolute(cwd.unwrap_or_else(|| ".".into())).map_err(|e| Failure::because(Exit::Usage, &e))?;
    let mut body = members(controls);
    body.insert("cwd".to_owned(), cwd.to_string_lossy().into());
    let answer = context.client()?.post(&["sessions"], &Value::Object(body)).await?;
    context.output.answer(&answer, |body| cell(&body["session"]["sessionId"]))
}

async fn get(context: &Context, session: &str) -> Result<(), Failure> {
    let answer = context.client()?.get(&["sessions", session], &[]).await?;
    context.output.answer(&answer, session_text)
}

async fn send(
    context: &Context,
    session: &str,
    text: String,
    effort: Option<String>,
    controls: &Controls,
) -> Result<(), Failure> {
    let mut body = members(controls);
    body.insert("text".to_owned(), if text == "-" { piped()? } else { text }.into());
    body.extend(effort.map(|effort| ("effort".to_owned(), effort.into())));
    let answer = context.client()?.post(&["sessions", session, "messages"], &Value::Object(body)).await?;
    context.output.answer(&answer, |body| cell(&body["turnId"]))
}

async fn interrupt(context: &Context, session: &str, turn: Option<String>) -> Result<(), Failure> {
    let body = turn.map_or_else(|| json!({}), |turn| json!({ "turnId": turn }));
    let answer = context.client()?.post(&["sessions", session, "interrupt"], &body).await?;
    context.output.answer(&answer, |body| cell(&body["turnId"]))
}

fn members(controls: &Controls) -> Map<String, Value> {
    match serde_json::to_value(controls) {
        Ok(Value::Object(members)) => members,
        _ => unreachable!("controls are written as an object"),
    }
}

fn piped() -> Result<String, Failure> {
    let mut text = String::new();
    stdin().read_to_string(&mut text).map_err(|error| Failure::because(Exit::Usage, &error))?;
    Ok(text)
}

fn sessions_text(body: &Value) -> String {
    let row = |session: &Value| {
        let title = line(session["title"].as_str().unwrap_or_default(), TITLE_WIDTH);
        [cell(&session["sessionId"]), time(&session["updatedAt"]), title, cell(&session["cwd"])]
    };
    let rows: Vec<_> = body["data"].as_array().into_iter().flatten().map(row).collect();
    let mut text = table(["SESSION", "UPDATED", "TITLE", "FOLDER"], &rows);
    if let Some(cursor) = body["nextCursor"].as_str() {
        text.push_str(&format!("\nmore: --cursor {}", plain(cursor)));
    }
    text
}

fn session_text(body: &Value) -> String {
    let session = &body["session"];
    let mut text = table(
        ["SESSION", "APPROVALS", "SANDBOX", "TITLE"],
        &[[
            cell(&session["sessionId"]),
            cell(&session["sessionControls"]["approvalPolicy"]),
            cell(&session["sessionControls"]["filesystemSandbox"]),
            line(session["title"].as_str().unwrap_or_default(), TITLE_WIDTH),
        ]],
    );
    for entry in body["transcript"].as_array().into_iter().flatten() {
        let (role, content) = (cell(&entry["role"]), entry["content"].as_str().unwrap_or_default());
        text.push_str(&format!("\n\n{role} ({}):\n{}", cell(&entry["status"]), plain(content)));
    }
    let last = body["thread"]["turns"].as_array().and_then(|turns| turns.last());
    if let Some(state) = last.and_then(turn_text) {
        text.push_str(&format!("\n\n{state}"));
    }
    text
}

/// How a turn stands; `None` when it ended well.
fn turn_text(turn: &Value) -> Option<String> {
    match turn["status"].as_str()? {
        "failed" => Some(match turn["error"]["message"].as_str() {
            Some(why) => format!("turn failed: {}", line(why, REASON_WIDTH)),
            None => "turn failed".to_owned(),
        }),
        "interrupted" => Some("turn interrupted".to_owned()),
        "inProgress" => Some("turn running".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_shows_one_line_for_each_session_and_where_to_go_on() {
        let body = json!({"nextCursor": "c2", "data": [
            {"sessionId": "s1", "updatedAt": 1767225600, "title": "two\nlines", "cwd": "/w"}]});
        let text = sessions_text(&body);
        assert!(text.ends_with("s1       2026-01-01T00:00:00Z  two lines  /w\nmore: --cursor c2"), "{text}");
    }

    #[test]
    fn what_was_said_cannot_act_on_the_terminal() {
        let body = json!({"session": {"sessionId": "s1"}, "transcript": [
            {"role": "assistant", "status": "complete", "content": "hi\u{1b}[2J"}]});
        assert!(session_text(&body).ends_with("assistant (complete):\nhi\u{fffd}[2J"));
    }

    #[test]
    fn the_last_turn_is_told_when_it_did_not_end_well() {
        for (turn, expected) in [
            (json!({"status": "failed", "error": {"message": "no\nlogin"}}), Some("\n\nturn failed: no login")),
            (json!({"status": "failed", "error": null}), Some("\n\nturn failed")),
            (json!({"status": "interrupted"}), Some("\n\nturn interrupted")),
            (json!({"status": "inProgress"}), Some("\n\nturn running")),
            (json!({"status": "completed"}), None),
        ] {
            let earlier = json!({"status": "failed"});
            let text = session_text(&json!({"session": {}, "thread": {"turns": [earlier, turn]}}));
            match expected {
                Some(expected) => assert!(text.ends_with(expected), "{text}"),
                None => assert!(!text.contains("turn "), "{text}"),
            }
        }
    }

    #[test]
    fn controls_that_were_not_named_are_not_sent() {
        let named = Some(ApprovalPolicy::OnRequest);
        let controls = Controls { model: None, approval_policy: named, network_access: None, filesystem_sandbox: None };
        assert_eq!(Value::Object(members(&controls)), json!({"approvalPolicy": "on-request"}));
    }
}
