//! What the contract's pages say that there is, against what there is.

use std::collections::BTreeSet;

use codex_manager_app_server::classify::{self, Class};

use super::super::vocabulary;
use super::*;
use crate::stream;

const EVENTS: &str = include_str!("../../../../../wit/events/README.md");
const ACTIONS: &str = include_str!("../../../../../wit/actions/README.md");
const PACKAGES: &str = include_str!("../../../../../wit/README.md");

/// The names in backticks in the first column of the tables below this heading, up to the next one.
fn listed<'p>(page: &'p str, heading: &str) -> BTreeSet<&'p str> {
    let below = page.lines().skip_while(|line| *line != heading).skip(1).take_while(|line| !line.starts_with('#'));
    let cells = below.filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    cells.flat_map(|cell| cell.trim_matches('`').split("`, `")).collect()
}

/// Every kind that can be heard, with what whoever approves it reads.
fn table() -> String {
    let vocabulary = vocabulary();
    let heard = vocabulary.events.iter().filter(|(_, kind)| !kind.ephemeral);
    heard.map(|(name, kind)| format!("| `{name}` | {} |\n", kind.sentence)).collect()
}

#[test]
fn the_page_of_events_lists_each_kind_that_can_be_heard_and_no_other() {
    let house: BTreeSet<_> = HOUSE.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(listed(EVENTS, "## What the daemon says"), house);
    let table = table();
    assert!(
        EVENTS.contains(&format!("|\n{table}\n")),
        "wit/events/README.md should have this under Every kind:\n{table}"
    );
    let all = vocabulary().events;
    for name in EVENTS.split('`').skip(1).step_by(2).filter(|name| name.starts_with("app_server")) {
        assert!(all.contains_key(name), "{name} is no kind of event");
    }
}

#[test]
fn every_kind_that_codex_tells_of_has_words_of_its_own() {
    let durable = classify::known().filter(|(_, class)| *class == Class::Durable).map(|(method, _)| method);
    assert_eq!(NOTIFICATIONS.map(|(method, _)| method).into_iter().collect::<BTreeSet<_>>(), durable.collect());
    let requests: BTreeSet<_> = REQUESTS.iter().map(|(method, _)| *method).collect();
    assert_eq!(requests, classify::REQUESTS.into_iter().collect());
    for (name, kind) in vocabulary().events.iter().filter(|(_, kind)| !kind.ephemeral) {
        assert!(!kind.sentence.is_empty() && !kind.sentence.contains('|'), "{name}");
    }
}

/// What stands in the log is hearable, or it is said here why it is not.
#[test]
fn what_clients_are_told_of_the_log_is_there_for_extensions_too() {
    // What Codex said, which extensions are told as `app_server.…`, and a row that has lost its content.
    let otherwise =
        ["notification", "server_request", "approval", "tool_user_input_requested", "tool_call_requested", "deleted"];
    let vocabulary = vocabulary();
    let withheld = |kind: &str| vocabulary.withheld.keys().any(|beginning| kind.starts_with(beginning));
    let told: BTreeSet<_> = stream::rows().filter(|kind| !otherwise.contains(kind) && !withheld(kind)).collect();
    assert_eq!(told, HOUSE.iter().map(|(kind, _)| *kind).collect());
}

#[test]
fn the_pages_of_actions_and_packages_list_what_there_is() {
    let vocabulary = vocabulary();
    let actions: BTreeSet<_> = vocabulary.actions.keys().map(String::as_str).collect();
    let head = "# What there is to ask for";
    let members: BTreeSet<_> = listed(ACTIONS, head).into_iter().filter(|name| name.contains('.')).collect();
    assert_eq!(members, actions);
    let granted = PACKAGES.lines().filter(|line| line.starts_with("| [`") && line.ends_with("| yes |"));
    let granted: BTreeSet<_> = granted.filter_map(|line| line.split('`').nth(1)).collect();
    assert_eq!(granted, vocabulary.capabilities.keys().map(String::as_str).collect());
}
