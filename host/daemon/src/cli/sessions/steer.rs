//! `sessions steer`: a word to the turn that runs.

use clap::Args;
use serde_json::{Value, json};

use super::send::text;
use crate::cli::Context;
use crate::cli::failure::{Exit, Failure};
use crate::cli::plain::cell;

#[derive(Debug, Args)]
pub(in crate::cli) struct Steer {
    /// The session's id
    session: String,
    /// What to say; `-` reads it from stdin
    text: String,
    /// Only if this turn is the one that runs
    #[arg(long)]
    turn: Option<String>,
}

impl Steer {
    /// The API wants the turn named, so it is looked up for who does not name it.
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let (client, session) = (context.client()?, &self.session);
        let body = json!({ "input": text(self.text)? });
        let turn = match self.turn {
            Some(turn) => turn,
            None => running(&client.get(&["sessions", session], &[]).await?.json).ok_or_else(|| {
                let failure = Failure::new(Exit::Conflict, format!("no turn of session {session} is running"));
                failure.hint(format!("begin one with `codex-manager sessions send {session} TEXT`"))
            })?,
        };
        let answer = client.post(&["sessions", session, "turns", &turn, "steer"], &body).await?;
        context.output.answer(&answer, |body| cell(&body["turnId"]))
    }
}

/// The turn that runs is the last one.
fn running(body: &Value) -> Option<String> {
    let last = body["thread"]["turns"].as_array()?.last()?;
    if last["status"] == "inProgress" { last["id"].as_str().map(str::to_owned) } else { None }
}
