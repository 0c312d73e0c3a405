//! `feedback`: telling those who make Codex what went well or wrong.

use clap::Subcommand;
use serde_json::json;

use super::Context;
use super::failure::Failure;
use super::plain::pretty;

/// Tell those who make Codex
#[derive(Debug, Subcommand)]
pub(super) enum Feedback {
    /// Send feedback
    #[command(after_help = "Example: codex-manager feedback submit bug --reason \"it stopped in the middle\"")]
    Submit {
        /// What kind it is, such as bug
        classification: String,
        /// In words
        #[arg(long)]
        reason: Option<String>,
        /// The session that it is about
        #[arg(long)]
        session: Option<String>,
        /// Send Codex's logs with it
        #[arg(long)]
        include_logs: bool,
    },
}

impl Feedback {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self::Submit { classification, reason, session, include_logs } = self;
        let body = json!({
            "classification": classification,
            "includeLogs": include_logs,
            "reason": reason,
            "threadId": session,
        });
        let answer = context.client()?.post(&["feedback"], &body).await?;
        context.output.answer(&answer, |body| pretty(&body["result"]))
    }
}
