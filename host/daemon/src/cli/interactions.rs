//! What `approvals`, `tool-input` and `tool-calls` have in common: all of them wait for somebody.

use clap::Args;
use serde_json::Value;

use super::Context;
use super::failure::Failure;
use super::plain::{cell, line, table, time};

/// How much of what is asked a list shows.
const SUMMARY_WIDTH: usize = 80;

/// Which to list.
#[derive(Debug, Args)]
pub(super) struct Listed {
    /// Only those of this session
    #[arg(long)]
    session: Option<String>,
    /// Those in this state, the newest first; without it what waits, the oldest first
    #[arg(long, value_parser = ["pending", "in_flight", "resolved", "expired", "all"])]
    state: Option<String>,
}

impl Listed {
    /// Lists those of one noun; `id` is the member that names each.
    pub(super) async fn run(&self, context: &Context, noun: &str, id: &str) -> Result<(), Failure> {
        let client = context.client()?;
        let answer = match (&self.session, &self.state) {
            // This way a session that is not there is told as such.
            (Some(session), None) => client.get(&["sessions", session, noun], &[]).await?,
            (session, state) => {
                let given = [("sessionId", session), ("state", state)].into_iter();
                let query: Vec<_> = given.filter_map(|(name, value)| Some((name, value.clone()?))).collect();
                client.get(&[noun], &query).await?
            }
        };
        context.output.answer(&answer, |body| text(body, id))
    }
}

fn text(body: &Value, id: &str) -> String {
    let row = |asked: &Value| {
        let summary = line(asked["summary"].as_str().unwrap_or_default(), SUMMARY_WIDTH);
        let status = match asked["decidedBy"].as_str() {
            Some(actor) => line(&format!("{} by {actor}", cell(&asked["status"])), SUMMARY_WIDTH),
            None => cell(&asked["status"]),
        };
        [cell(&asked[id]), cell(&asked["threadId"]), time(&asked["createdAt"]), status, summary]
    };
    let rows: Vec<_> = body["data"].as_array().into_iter().flatten().map(row).collect();
    table(["ID", "SESSION", "ASKED", "STATUS", "WHAT"], &rows)
}

/// Takes a JSON object.
pub(super) fn object(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("this is JSON, and no object".to_owned()),
        Err(error) => Err(format!("this is not JSON: {error}")),
    }
}
