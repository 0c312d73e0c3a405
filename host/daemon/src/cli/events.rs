//! `events`: what happened, as the stream tells it, with an end.

use clap::{Args, Subcommand};

use super::Context;
use super::failure::Failure;
use super::frame::{Frame, Rows};
use super::output::{Output, remark};
use super::plain::cell;
use super::stream::{Which, text};

/// Read what happened
#[derive(Debug, Subcommand)]
pub(super) enum Events {
    /// List events, the oldest first
    #[command(after_help = "Example: codex-manager events list --after 0 --thread $SESSION --type approval")]
    List(List),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Begin after this event: its seq, or epoch and seq with a dot between [default: with the oldest that is kept]
    #[arg(long, value_name = "SEQ")]
    after: Option<String>,
    #[command(flatten)]
    which: Which,
    /// How many at most [default: 100]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: Option<u32>,
}

impl Events {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self::List(list) = self;
        list.run(context).await
    }
}

impl List {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.client()?;
        self.which.check(&client).await?;
        let mut query: Vec<_> = self.which.query().collect();
        query.extend(self.after.map(|after| ("after", after)));
        query.extend(self.limit.map(|limit| ("limit", limit.to_string())));
        let answer = client.get(&["events"], &query).await?;
        if context.output == Output::Json {
            return context.output.line(&answer.text);
        }
        let mut rows = Rows::default();
        let frames = answer.json["data"].as_array().into_iter().flatten().cloned().map(Frame);
        let lines: Vec<_> = frames.filter(|frame| rows.begins(frame)).map(|frame| text(&frame)).collect();
        match (lines.is_empty(), answer.json["more"] == true) {
            (false, _) => context.output.line(&lines.join("\n"))?,
            (true, false) => remark(self.which.nothing()),
            (true, true) => {}
        }
        if answer.json["more"] == true {
            remark(&format!("more: --after {}", cell(&answer.json["next"])));
        }
        Ok(())
    }
}
