//! What `approvals`, `tool-input` and `tool-calls` have in common: all of them wait for somebody.

use clap::Args;
use serde_json::Value;

use super::Context;
use super::failure::Failure;
use super::page::Page;
use super::plain::{cell, line, time};

/// How much of what is asked a list shows.
const SUMMARY_WIDTH: usize = 80;

const HEADINGS: [&str; 5] = ["ID", "SESSION", "ASKED", "STATUS", "WHAT"];

/// Which to list.
#[derive(Debug, Args)]
pub(super) struct Listed {
    /// Only those of this session
    #[arg(long)]
    session: Option<String>,
    /// Those in this state, the newest first; without it what waits, the oldest first
    #[arg(long, value_parser = ["pending", "in_flight", "resolved", "expired", "all"])]
    state: Option<String>,
    #[command(flatten)]
    page: Page,
}

impl Listed {
    /// Lists those of one noun; `id` is the member that names each.
    pub(super) async fn run(self, context: &Context, noun: &str, id: &str) -> Result<(), Failure> {
        let client = context.client()?;
        let nothing = if self.state.is_some() { "there are none" } else { "nothing waits" };
        let page: Vec<_> = self.page.query().collect();
        let answer = match (self.session, self.state) {
            (Some(session), None) if page.is_empty() => client.get(&["sessions", &session, noun], &[]).await?,
            (session, state) => {
                if let Some(session) = &session {
                    client.find_session(session).await?;
                }
                let given = [("sessionId", session), ("state", state)].into_iter();
                let query: Vec<_> = given.filter_map(|(name, value)| Some((name, value?))).chain(page).collect();
                client.get(&[noun], &query).await?
            }
        };
        context.output.list(&answer, HEADINGS, nothing, |asked| row(asked, id))
    }
}

fn row(asked: &Value, id: &str) -> [String; 5] {
    let summary = line(asked["summary"].as_str().unwrap_or_default(), SUMMARY_WIDTH);
    let status = match asked["decidedBy"].as_str() {
        Some(actor) => line(&format!("{} by {actor}", cell(&asked["status"])), SUMMARY_WIDTH),
        None => cell(&asked["status"]),
    };
    [cell(&asked[id]), cell(&asked["threadId"]), time(&asked["createdAt"]), status, summary]
}

/// Takes a JSON object.
pub(super) fn object(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("this is JSON, and no object".to_owned()),
        Err(error) => Err(format!("this is not JSON: {error}")),
    }
}
