//! `ext logs`: what an extension was told, what became of it, and what it logged meanwhile.

use clap::Args;
use codex_manager_extension::ExtensionId;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::Context;
use super::super::client::{Answer, Client};
use super::super::failure::Failure;
use super::super::plain::{cell, wrapped};
use super::screen::PATH;

/// How many calls are shown when nothing is said, and the most that one page of the API has.
const CALLS: u32 = 50;
const CALLS_MAX: u32 = 200;
/// Outcomes of calls of which nothing came and nothing is to be told.
const QUIET: [&str; 3] = ["abstained", "expired", "withdrawn"];

#[derive(Debug, Args)]
pub(in crate::cli) struct Logs {
    /// The extension's id: owner.name
    extension: ExtensionId,
    /// How many calls to show at most
    #[arg(long, value_name = "CALLS", default_value_t = CALLS, value_parser = clap::value_parser!(u32).range(1..=i64::from(CALLS_MAX)))]
    limit: u32,
    /// Leave out calls of which nothing came, because it abstained
    #[arg(long)]
    acted: bool,
}

impl Logs {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.client()?;
        if !self.acted {
            let answer = self.page(&client, self.limit, None).await?;
            return context.output.answer(&answer, |body| text(body, "it was told of nothing yet"));
        }
        let document = json!({ "status": "ok", "data": self.acted(&client).await? });
        context.output.document(&document, || text(&document, "nothing came of any call yet"))
    }

    /// The newest calls of which something came. There is an end to how many are kept.
    async fn acted(&self, client: &Client) -> Result<Vec<Value>, Failure> {
        let (mut acted, wanted) = (Vec::new(), self.limit as usize);
        let mut before = None;
        loop {
            let mut page = self.page(client, CALLS_MAX, before).await?.json;
            let Some(calls) = page["data"].as_array_mut() else { break };
            before = calls.last().and_then(|call| call["invocationId"].as_str()).map(str::to_owned);
            let is_last = calls.len() < CALLS_MAX as usize || before.is_none();
            acted.extend(calls.drain(..).filter(|call| !QUIET.iter().any(|outcome| call["outcome"] == *outcome)));
            if is_last || acted.len() >= wanted {
                break;
            }
        }
        acted.truncate(wanted);
        Ok(acted)
    }

    async fn page(&self, client: &Client, limit: u32, before: Option<String>) -> Result<Answer, Failure> {
        let path = [PATH[0], PATH[1], self.extension.as_str(), "invocations"];
        let mut query = vec![("limit", limit.to_string())];
        query.extend(before.map(|before| ("before", before)));
        client.get(&path, &query).await
    }
}

fn text(body: &Value, nothing: &str) -> String {
    let mut calls: Vec<&Value> = body["data"].as_array().into_iter().flatten().collect();
    if calls.is_empty() {
        return nothing.to_owned();
    }
    // Calls end in another order than they begin in, and are listed by their end.
    calls.reverse();
    calls.sort_by_key(|call| call["at"].as_str().and_then(|at| at.parse::<Timestamp>().ok()));
    calls.into_iter().map(call).collect::<Vec<_>>().join("\n")
}

/// A line that says when, of what and how it ended; below it, each on a line of its own, what else there is to say.
fn call(call: &Value) -> String {
    let took = call["wallUs"].as_u64().map_or(0.0, |us| us as f64 / 1000.0);
    let [at, event, outcome] = ["at", "event", "outcome"].map(|member| cell(&call[member]));
    let head = format!("{at}  event {event}  {outcome}  {took:.1} ms");
    let kinds = call["actions"].as_array().into_iter().flatten().filter_map(|action| action["kind"].as_str());
    let asked = kinds.collect::<Vec<_>>().join(", ");
    let told = [("session", call["sessionId"].as_str()), ("asked", Some(&*asked)), ("why", call["sentence"].as_str())];
    let told = told.into_iter().filter_map(|(what, said)| Some((what.to_owned(), said?)));
    let logged = call["log"].as_array().into_iter().flatten();
    let logged = logged.map(|line| (cell(&line["level"]), line["message"].as_str().unwrap_or_default()));
    let lines = told.chain(logged).filter(|(_, said)| !said.trim().is_empty());
    let lines = lines.map(|(what, said)| wrapped(&format!("  {what:7}  "), said));
    std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn calls_are_told_in_their_order_with_what_was_logged() {
        let body = json!({ "data": [
            { "at": "2026-01-02T03:04:06Z", "event": 9, "outcome": "failed", "wallUs": 250_000, "actions": [],
              "log": [{ "level": "warn", "message": "" }], "sessionId": null,
              "sentence": "acme.guard computed for longer than 250ms, on event 9 (door.knocked)" },
            { "at": "2026-01-02T03:04:05.12Z", "event": 6, "outcome": "abstained", "wallUs": 900_000 },
            { "at": "2026-01-02T03:04:06.5Z", "event": 8, "outcome": "abstained", "wallUs": 1000 },
            { "at": "2026-01-02T03:04:05.123456Z", "event": 7, "outcome": "applied", "wallUs": 1234, "sentence": null,
              "sessionId": "0197a2b4-0000-7000-8000-0123456789ab",
              "actions": [{ "kind": "approval.decline" }, { "kind": "transcript.upsert" }],
              "log": [{ "level": "warn", "message": "rm\u{1b}[2J -rf" }] },
        ]});
        let expected = "\
2026-01-02T03:04:05.12Z  event 6  abstained  900.0 ms
2026-01-02T03:04:05.123456Z  event 7  applied  1.2 ms
  session  0197a2b4-0000-7000-8000-0123456789ab
  asked    approval.decline, transcript.upsert
  warn     rm\u{fffd}[2J -rf
2026-01-02T03:04:06Z  event 9  failed  250.0 ms
  why      acme.guard computed for longer than 250ms, on event 9 (door.knocked)
2026-01-02T03:04:06.5Z  event 8  abstained  1.0 ms";
        assert_eq!(text(&body, "nothing"), expected);
        assert_eq!(text(&json!({ "data": [] }), "nothing"), "nothing");
    }
}
