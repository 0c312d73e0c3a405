//! `sessions create`: a new session, and its id.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::{Controls, members};
use crate::cli::Context;
use crate::cli::failure::{Exit, Failure};
use crate::cli::plain::cell;

#[derive(Debug, Args)]
pub(in crate::cli) struct Create {
    /// The folder that its commands start in [default: this one]
    #[arg(long, value_name = "FOLDER")]
    cwd: Option<PathBuf>,
    #[command(flatten)]
    controls: Controls,
}

impl Create {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let cwd = std::path::absolute(self.cwd.unwrap_or_else(|| ".".into()));
        let cwd = cwd.map_err(|error| Failure::because(Exit::Usage, &error))?;
        let mut body = members(&self.controls);
        body.insert("cwd".to_owned(), cwd.to_string_lossy().into());
        let answer = context.client()?.post(&["sessions"], &Value::Object(body)).await?;
        context.output.answer(&answer, |body| cell(&body["session"]["sessionId"]))
    }
}
