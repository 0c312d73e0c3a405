//! `sessions project`: which project a session is in.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::Context;
use crate::cli::failure::Failure;
use crate::cli::plain::cell;

/// Change which project a session is in
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Project {
    /// Put a session into a project, or take it out of the one that it is in
    #[command(after_help = "Example: codex-manager sessions project set $SESSION $PROJECT")]
    Set {
        /// The session's id
        session: String,
        /// The project's id; without one, it is taken out
        project: Option<String>,
    },
}

impl Project {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self::Set { session, project } = self;
        let body = json!({ "projectId": project });
        let answer = context.client()?.post(&["sessions", &session, "project"], &body).await?;
        context.output.answer(&answer, |body| match &body["projectId"] {
            Value::Null => "in no project".to_owned(),
            project => cell(project),
        })
    }
}
