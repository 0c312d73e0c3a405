//! `ext approve`: the screen, then a yes to exactly what it showed.

use std::io::{IsTerminal, stdin};

use serde_json::json;

use super::super::Context;
use super::super::confirm::ask;
use super::super::failure::{Exit, Failure};
use super::super::output::remark;
use super::super::plain::cell;
use super::screen::{PATH, screen};
use super::state;

/// Approves what waits. The yes carries the digest that was seen: if something else lies there by then, the daemon
/// refuses.
pub(super) async fn approve(
    context: &Context,
    extension: &str,
    digest: Option<String>,
    required: Option<bool>,
) -> Result<(), Failure> {
    let client = context.client()?;
    let path = |last| [PATH[0], PATH[1], extension, last];
    let shown = client.get(&path("")[..3], &[]).await?.json;
    remark(&screen(&shown));
    let digest = match (digest, shown["extension"]["waiting"]["digest"].as_str()) {
        (Some(digest), _) => digest,
        (None, None) => return Err(nothing_waits(extension, shown["extension"]["fault"].as_str())),
        (None, Some(digest)) if stdin().is_terminal() => {
            ask("\nApprove this?", "nothing was approved")?;
            digest.to_owned()
        }
        (None, Some(digest)) => {
            return Err(Failure::new(Exit::Usage, "there is no terminal to ask on, and nothing was approved")
                .hint(format!("if this is what you want: codex-manager ext approve {extension} --digest {digest}")));
        }
    };
    let mut body = json!({ "digest": digest });
    if let Some(required) = required {
        body["required"] = required.into();
    }
    let answer = client.post(&path("approve"), &body).await?;
    context.output.answer(&answer, |body| {
        let required = if body["required"] == true { ", and required" } else { "" };
        let (id, version) = (cell(&body["extensionId"]), cell(&body["approved"]["version"]));
        format!("{id} {version} approved{required}; {}", state(body))
    })
}

fn nothing_waits(extension: &str, fault: Option<&str>) -> Failure {
    match fault {
        Some(fault) => Failure::new(Exit::Conflict, format!("{extension} cannot be approved: {fault}")),
        None => Failure::new(Exit::Conflict, format!("nothing of {extension} waits for approval")),
    }
    .hint("see what there is with `codex-manager ext list`")
}
