//! `sessions get`: what was said in a session, and how its last turn stands.

use std::io::{Write, stdout};

use clap::Args;
use serde_json::Value;

use super::list::title;
use crate::cli::Context;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{Output, remark};
use crate::cli::plain::{cell, line, plain, table};

/// How much of the reason for a failure is shown.
const REASON_WIDTH: usize = 400;

#[derive(Debug, Args)]
pub(in crate::cli) struct Get {
    /// The session's id
    session: String,
    /// Show only so many of the last rows
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: Option<u32>,
    /// Show only rows before the one of this id, as the previous page told it
    #[arg(long, value_name = "ID")]
    before: Option<String>,
}

impl Get {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let limit = self.limit.map(|limit| ("limit", limit.to_string()));
        let query: Vec<_> = limit.into_iter().chain(self.before.map(|before| ("before", before))).collect();
        let path = ["sessions", self.session.as_str()];
        if query.is_empty() && context.output == Output::Json {
            return pass_on(context, &path).await;
        }
        let answer = context.client()?.get(&path, &query).await?;
        context.output.answer(&answer, session_text)?;
        let next = &answer.json["nextBefore"];
        if context.output == Output::Text && !next.is_null() {
            remark(&format!("more: --before {}", cell(next)));
        }
        Ok(())
    }
}

/// Writes an answer as it comes, however long it is.
async fn pass_on(context: &Context, path: &[&str]) -> Result<(), Failure> {
    let mut response = context.client()?.download(path).await?;
    while let Some(chunk) = response.chunk().await.map_err(|error| Failure::because(Exit::Failed, &error))? {
        stdout().write_all(&chunk)?;
    }
    context.output.line("")
}

fn session_text(body: &Value) -> String {
    let session = &body["session"];
    let mut text = table(
        ["SESSION", "APPROVALS", "SANDBOX", "TITLE"],
        &[[
            cell(&session["sessionId"]),
            cell(&session["sessionControls"]["approvalPolicy"]),
            cell(&session["sessionControls"]["filesystemSandbox"]),
            title(session),
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
    use serde_json::json;

    use super::*;

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
}
