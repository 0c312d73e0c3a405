//! `sessions list`: a line for each.

use clap::Args;
use serde_json::Value;

use crate::cli::Context;
use crate::cli::failure::Failure;
use crate::cli::page::Page;
use crate::cli::plain::{cell, line, time};

/// How much of a title a list shows.
const TITLE_WIDTH: usize = 48;

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// List those that were put away instead
    #[arg(long)]
    archived: bool,
    #[command(flatten)]
    page: Page,
}

impl List {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let archived = [("archived", self.archived.to_string())];
        let query: Vec<_> = archived.into_iter().chain(self.page.query()).collect();
        let answer = context.client()?.get(&["sessions"], &query).await?;
        let nothing = match self.archived {
            true => "no session was put away",
            false => "there are no sessions; `codex-manager sessions create` makes one",
        };
        context.output.list(&answer, ["SESSION", "UPDATED", "TITLE", "FOLDER"], nothing, row)
    }
}

fn row(session: &Value) -> [String; 4] {
    [cell(&session["sessionId"]), time(&session["updatedAt"]), title(session), cell(&session["cwd"])]
}

/// A session's title, cut to fit a line.
pub(super) fn title(session: &Value) -> String {
    line(session["title"].as_str().unwrap_or_default(), TITLE_WIDTH)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_session_is_one_line() {
        let session = json!({"sessionId": "s1", "updatedAt": 1767225600, "title": "two\nlines", "cwd": "/w"});
        assert_eq!(row(&session), ["s1", "2026-01-01T00:00:00Z", "two lines", "/w"]);
    }
}
