//! `audit`: who had what done.

use clap::Subcommand;
use serde_json::Value;

use super::Context;
use super::failure::Failure;
use super::plain::cell;

const HEADINGS: [&str; 7] = ["NUMBER", "AT", "WHO", "ROLE", "STATUS", "WHAT", "OF"];

/// Read who had what done
#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// List the requests that acted, the newest first
    #[command(after_help = "Example: codex-manager audit list --limit 20")]
    List {
        /// Only those with a smaller number; the last one of a page leads to the next
        #[arg(long, value_name = "NUMBER")]
        before: Option<u64>,
        /// How many at most [default: 100]
        #[arg(long)]
        limit: Option<u32>,
    },
}

impl Audit {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self::List { before, limit } = self;
        let query = [("before", before.map(|n| n.to_string())), ("limit", limit.map(|n| n.to_string()))];
        let query: Vec<_> = query.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let answer = context.client()?.get(&["audit"], &query).await?;
        context.output.list(&answer, HEADINGS, "nobody has had anything done yet", row)
    }
}

fn row(act: &Value) -> [String; 7] {
    let targets: Vec<String> = act["targets"].as_object().into_iter().flatten().map(|(_, id)| cell(id)).collect();
    let [number, at, actor, role, method, route, status] =
        ["number", "at", "actor", "role", "method", "route", "status"].map(|member| cell(&act[member]));
    [number, at, actor, role, status, format!("{method} {route}"), targets.join(" ")]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_act_is_a_line() {
        let act = json!({
            "number": 7, "at": "2026-01-02T03:04:05Z", "actor": "token:tok_1", "role": "admin", "method": "DELETE",
            "route": "/api/tokens/{tokenId}", "targets": { "tokenId": "tok_2" }, "status": null, "requestId": "req_1",
        });
        let expected =
            ["7", "2026-01-02T03:04:05Z", "token:tok_1", "admin", "-", "DELETE /api/tokens/{tokenId}", "tok_2"];
        assert_eq!(row(&act), expected);
    }
}
