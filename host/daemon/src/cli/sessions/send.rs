//! `sessions send`: a message, which starts a turn.

use std::io::{Read, stdin};

use clap::Args;
use serde_json::Value;

use super::{Controls, members};
use crate::cli::Context;
use crate::cli::failure::{Exit, Failure};
use crate::cli::plain::cell;

#[derive(Debug, Args)]
pub(in crate::cli) struct Send {
    /// The session's id
    session: String,
    /// The message; `-` reads it from stdin
    text: String,
    /// How hard the model thinks
    #[arg(long)]
    effort: Option<String>,
    #[command(flatten)]
    controls: Controls,
}

impl Send {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let mut body = members(&self.controls);
        body.insert("text".to_owned(), text(self.text)?.into());
        body.extend(self.effort.map(|effort| ("effort".to_owned(), effort.into())));
        let answer = context.client()?.post(&["sessions", &self.session, "messages"], &Value::Object(body)).await?;
        context.output.answer(&answer, |body| cell(&body["turnId"]))
    }
}

/// What the user says, in the place of `-` all of stdin.
pub(super) fn text(said: String) -> Result<String, Failure> {
    if said != "-" {
        return Ok(said);
    }
    let mut text = String::new();
    stdin().read_to_string(&mut text).map_err(|error| Failure::because(Exit::Usage, &error))?;
    Ok(text)
}
