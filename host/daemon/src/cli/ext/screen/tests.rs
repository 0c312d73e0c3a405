//! The whole screen, as it stands on a terminal, for each thing that it has to say. What it is drawn from is what the
//! daemon would answer.

use codex_manager_extension::{Approved, Candidate, Review, Standing, State};
use codex_manager_model::Actor;
use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::extensions::fixture::offer;
use crate::extensions::vocabulary;

const GUARD: &str = r#"manifest = 1

[extension]
id = "acme.guard"
version = "1.0.0"
name = "Guard"
description = "Declines commands that delete whole trees, and says why in the transcript."
license = "Apache-2.0"
homepage = "https://acme.example/guard"

[handlers.on-event]
kinds = ["app_server.request.item.command_execution.request_approval", "transcript_updated"]

[actions]
"approval.decline" = { reason = "Answers a request to run a command that deletes whole trees." }
"transcript.upsert" = { reason = "Leaves a row that says which command was declined, and why." }

[capabilities.kv]
reason = "Remembers what was declined."
bytes_max = "1 MiB"

[settings.spared]
type = "texts"
default = ["target"]
description = "Folders that may go."

[limits]
cpu = "100 ms"
wall = "1 s"
memory = "16 MiB"
"#;

fn approved(candidate: &Candidate, standing: Standing) -> Approved {
    Approved {
        id: candidate.manifest.id.clone(),
        version: candidate.manifest.version.clone(),
        digest: candidate.digest,
        by: Actor::User,
        at: Timestamp::UNIX_EPOCH,
        standing,
        grants: candidate.grants.clone(),
        predecessor: None,
    }
}

fn body(candidate: Option<&Candidate>, approved: Option<(&Candidate, &Approved)>, fault: Option<&str>) -> Value {
    let standing = approved.map(|(_, approved)| approved);
    let waiting = candidate.map(|candidate| Review::of(candidate, standing, &vocabulary()));
    let granted = approved.map(|(candidate, approved)| Review::of(candidate, Some(approved), &vocabulary()));
    let state = match standing.map(|approved| &approved.standing) {
        None => State::Pending,
        Some(Standing::Enabled) => State::Running,
        Some(standing) => State::of(standing),
    };
    let runs = standing.filter(|_| state == State::Running).map(|approved| json!({ "version": approved.version }));
    json!({
        "extension": {
            "id": "acme.guard", "folder": "/home/me/project/extensions/guard", "approved": standing,
            "state": state, "runs": runs, "required": standing.is_some(), "requiredIfApproved": candidate.is_some(),
            "waiting": waiting, "fault": fault, "nextStep": fault.map(|_| "copy the file again; it is not whole"),
        },
        "granted": granted,
        "contained": { "state": "contained" },
    })
}

/// The same while it is compiled.
fn replacing(mut body: Value) -> Value {
    body["extension"]["state"] = json!("compiling");
    body["extension"]["runs"]["version"] = json!("0.9.0");
    body
}

fn uncontained(mut body: Value) -> Value {
    let meaning = "commands that Codex runs can read this daemon's data folder and its token, and use its API as you";
    body["contained"] = json!({ "state": "not contained", "reason": "there is no bwrap", "meaning": meaning });
    body
}

#[test]
fn the_screen_says_all_that_a_yes_is_about() {
    let first = offer(GUARD, "one").candidate;
    let (running, code) = (approved(&first, Standing::Enabled), offer(GUARD, "two").candidate);
    let changes = [
        ("1.0.0", "1.1.0"),
        ("\"transcript.upsert\" = { reason = \"Leaves a row that says which command was declined, and why.\" }\n", ""),
        (
            "[actions]",
            "[actions]\n\"approval.accept\" = { reason = \"Lets through what everybody here has agreed on.\" }",
        ),
        ("1 MiB", "2 MiB"),
        ("16 MiB", "128 MiB"),
        ("[actions]", "own_events = true\npriority = 10\n\n[actions]"),
        ("\"transcript_updated\"]", "\"transcript_updated\", \"app_server.item.*\"]"),
    ];
    let more = changes.iter().fold(GUARD.to_owned(), |text, (was, now)| text.replacen(was, now, 1));
    let more = offer(&more, "three").candidate;
    let off = approved(&first, Standing::Disabled { by: Actor::User, at: Timestamp::UNIX_EPOCH });
    let ill = Standing::Quarantined { reason: "it failed 5 times".to_owned(), at: Timestamp::UNIX_EPOCH };
    let ill = approved(&first, ill);
    let table = [
        ("the first", body(Some(&first), None, None)),
        ("other code", body(Some(&code), Some((&first, &running)), None)),
        ("other grants, uncontained", uncontained(body(Some(&more), Some((&first, &running)), None))),
        ("approved", body(None, Some((&first, &running)), None)),
        ("approved in place of what runs", replacing(body(None, Some((&first, &running)), None))),
        ("quarantined, other code waits", body(Some(&code), Some((&first, &ill)), None)),
        ("switched off, and broken since", body(None, Some((&first, &off)), Some("extension.toml: line 2: no"))),
        ("faulty", body(None, None, Some("the file ends in the middle of a section"))),
    ];
    let mut screens = String::new();
    for (name, body) in table {
        let shown = screen(&body);
        assert!(shown.lines().all(|line| line.chars().count() <= 80 && line == line.trim_end()), "{name}:\n{shown}");
        screens += &format!("==== {name}\n{shown}\n\n");
    }
    assert_eq!(screens, include_str!("screens.txt"), "\n{screens}");
}

#[test]
fn nothing_on_the_screen_acts_on_the_terminal() {
    let shown = screen(&json!({
        "extension": {
            "id": "a.b", "folder": "/drops/\u{1b}[2J\u{202e}",
            "waiting": { "name": "x\r\ny", "description": "\u{9b}1m" },
        },
    }));
    assert!(!shown.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'), "{shown:?}");
    assert!(shown.contains("/drops/\u{fffd}[2J\u{fffd}"), "{shown:?}");
}
