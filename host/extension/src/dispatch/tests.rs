use std::time::Duration;

use codex_manager_model::limits::{
    EXTENSION_FAILURES_MAX, EXTENSION_HOST_RETRIES_MAX, EXTENSION_HOST_RETRY, EXTENSION_HOST_RETRY_MAX,
    EXTENSION_INTERACTIONS_MAX, EXTENSION_PARALLEL_MAX,
};

use super::*;
use crate::fixture::{MANIFEST, house, offer_from};
use crate::{Action, Approved, Event, Header, Standing};

mod behind;
mod driving;
mod events;
mod interactions;
mod ready;
mod simulation;
mod stage;

const OPEN: &str = "door.open";
const SHUT: &str = "door.keep-shut";
const LAMP: &str = "lamp.switch";
const BELL: &str = "bell.ring";

/// An approved extension that hears knocks and windows, and may do these things.
fn approved(id: &str, priority: u16, actions: &[&str]) -> Approved {
    let lines: String = actions.iter().map(|kind| format!("{kind:?} = {{ reason = \"why not\" }}\n")).collect();
    let text = MANIFEST
        .replace("acme.guard", id)
        .replace("priority = 10", &format!("priority = {priority}"))
        .replace("\"weather.*\"", "\"window.opened\"")
        .replace("\"door.keep-shut\" = { reason = \"Strangers stay outside.\" }\n", &lines);
    let candidate = offer_from(&text).candidate;
    Approved {
        id: candidate.manifest.id,
        version: candidate.manifest.version,
        digest: candidate.digest,
        by: codex_manager_model::Actor::User,
        at: jiff::Timestamp::UNIX_EPOCH,
        standing: Standing::Enabled,
        grants: candidate.grants,
        predecessor: None,
    }
}

fn id(text: &str) -> ExtensionId {
    text.parse().expect("an id")
}

fn roster(approved: &[Approved], required: &[&str]) -> Roster {
    Roster::of(approved, &required.iter().map(|text| id(text)).collect(), &Serving::all(approved))
}

/// The same, where these versions can be called.
fn roster_serving(approved: &[Approved], required: &[&str], serving: &[&Approved]) -> Roster {
    let serving = serving.iter().map(|version| (version.id.clone(), Serving::approved(version))).collect();
    Roster::of(approved, &required.iter().map(|text| id(text)).collect(), &serving)
}

/// The same extension, as a person or its failures have left it.
fn standing(approved: &Approved, standing: Standing) -> Approved {
    Approved { standing, ..approved.clone() }
}

fn disabled() -> Standing {
    Standing::Disabled { by: codex_manager_model::Actor::User, at: jiff::Timestamp::UNIX_EPOCH }
}

fn quarantined() -> Standing {
    Standing::Quarantined { reason: "it trapped".to_owned(), at: jiff::Timestamp::UNIX_EPOCH }
}

fn dispatch(roster: Roster) -> Dispatch {
    Dispatch::new(Arc::new(house()), roster, BTreeMap::new(), Seq(0))
}

/// An event of a session.
fn event(seq: u64, kind: &str, session: &str) -> Occurrence {
    let header = Header {
        id: format!("evt_{seq}"),
        seq,
        kind: kind.to_owned(),
        session: Some(session.to_owned()),
        turn: None,
        at_ms: 0,
        caused_by: None,
        hops: 0,
    };
    let payload = format!(r#"{{"knock": "{seq}"}}"#);
    Occurrence { event: Event { header, payload }, by: None, pending: true, begun: BTreeMap::new() }
}

fn knock(seq: u64) -> Occurrence {
    event(seq, "door.knocked", "t")
}

fn window(seq: u64) -> Occurrence {
    event(seq, "window.opened", "t")
}

/// An action of this kind about this knock, or this lamp.
fn act(kind: &str, about: &str) -> Action {
    let payload = format!(r#"{{"knock": "{about}", "lamp": "{about}"}}"#);
    Action { kind: kind.to_owned(), payload, idempotency_key: None }
}

fn failed() -> Answered {
    Answered::Failed { sentence: "it trapped".to_owned(), fatal: true }
}
