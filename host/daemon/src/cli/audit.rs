//! `audit`: who had what done.

use clap::Subcommand;
use serde_json::Value;

use super::Context;
use super::failure::Failure;
use super::plain::{cell, table};

/// Read who had what done
#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// List the requests that acted, the newest first
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
        context.output.answer(&answer, text)
    }
}

fn text(body: &Value) -> String {
    let row = |act: &Value| {
        let targets: Vec<String> = act["targets"].as_object().into_iter().flatten().map(|(_, id)| cell(id)).collect();
        let [number, at, actor, role, method, route, status] =
            ["number", "at", "actor", "role", "method", "route", "status"].map(|member| cell(&act[member]));
        [number, at, actor, role, status, format!("{method} {route}"), targets.join(" ")]
    };
    let rows: Vec<_> = body["data"].as_array().into_iter().flatten().map(row).collect();
    table(["NUMBER", "AT", "WHO", "ROLE", "STATUS", "WHAT", "OF"], &rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_act_is_a_line() {
        let act = json!({
            "number": 7, "at": "2026-01-02T03:04:05Z", "actor": "token:tok_1", "role": "admin", "method": "DELETE",
            "route": "/api/tokens/{token_id}", "targets": { "tokenId": "tok_2" }, "status": null, "requestId": "req_1",
        });
        let text = text(&json!({ "data": [act] }));
        let line = text.lines().nth(1).expect("a line");
        for word in ["7 ", "token:tok_1", "admin", "DELETE /api/tokens/{token_id}", "tok_2"] {
            assert!(line.contains(word), "{word}: {text}");
        }
    }
}
