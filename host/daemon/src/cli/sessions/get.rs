//! `sessions get`: what was said in a session, and how its last turn stands.

use serde_json::Value;

use super::list::title;
use crate::cli::Context;
use crate::cli::failure::Failure;
use crate::cli::plain::{cell, line, plain, table};

/// How much of the reason for a failure is shown.
const REASON_WIDTH: usize = 400;

pub(super) async fn get(context: &Context, session: &str) -> Result<(), Failure> {
    let answer = context.client()?.get(&["sessions", session], &[]).await?;
    context.output.answer(&answer, session_text)
}

fn session_text(body: &Value) -> String {
    let session = &body["session"];
    let mut text = table(
        ["SESSION", "APPROVALS", "SANDBOX", "TITLE"],
        &[[
            cell(&session["sessionId"]),
            cell(&session["sessionControls"]["approvalPolicy"]),
            cell(&session["sessionControls"]["filesystemSandbox"]),
            title(session),
        ]],
    );
    for entry in body["transcript"].as_array().into_iter().flatten() {
        let (role, content) = (cell(&entry["role"]), entry["content"].as_str().unwrap_or_default());
        text.push_str(&format!("\n\n{role} ({}):\n{}", cell(&entry["status"]), plain(content)));
    }
    let last = body["thread"]["turns"].as_array().and_then(|turns| turns.last());
    if let Some(state) = last.and_then(turn_text) {
        text.push_str(&format!("\n\n{state}"));
    }
    text
}

/// How a turn stands; `None` when it ended well.
fn turn_text(turn: &Value) -> Option<String> {
    match turn["status"].as_str()? {
        "failed" => Some(match turn["error"]["message"].as_str() {
            Some(why) => format!("turn failed: {}", line(why, REASON_WIDTH)),
            None => "turn failed".to_owned(),
        }),
        "interrupted" => Some("turn interrupted".to_owned()),
        "inProgress" => Some("turn running".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_said_cannot_act_on_the_terminal() {
        let body = json!({"session": {"sessionId": "s1"}, "transcript": [
            {"role": "assistant", "status": "complete", "content": "hi\u{1b}[2J"}]});
        assert!(session_text(&body).ends_with("assistant (complete):\nhi\u{fffd}[2J"));
    }

    #[test]
    fn the_last_turn_is_told_when_it_did_not_end_well() {
        for (turn, expected) in [
            (json!({"status": "failed", "error": {"message": "no\nlogin"}}), Some("\n\nturn failed: no login")),
            (json!({"status": "failed", "error": null}), Some("\n\nturn failed")),
            (json!({"status": "interrupted"}), Some("\n\nturn interrupted")),
            (json!({"status": "inProgress"}), Some("\n\nturn running")),
            (json!({"status": "completed"}), None),
        ] {
            let earlier = json!({"status": "failed"});
            let text = session_text(&json!({"session": {}, "thread": {"turns": [earlier, turn]}}));
            match expected {
                Some(expected) => assert!(text.ends_with(expected), "{text}"),
                None => assert!(!text.contains("turn "), "{text}"),
            }
        }
    }
}
