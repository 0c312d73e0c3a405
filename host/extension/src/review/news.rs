//! What is new about a candidate, as against what was approved before it.

use semver::Version;
use serde::Serialize;
use serde_json::{Map, Value};

use super::shown;
use crate::{Approved, Candidate, Change, HandlerGrant, Part, Standing, Vocabulary};

/// What is new about a candidate, as against what runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum News {
    /// Nothing of this id was ever approved.
    First,
    /// It is what was approved.
    Nothing,
    /// The same grants, new code.
    Code {
        /// The version that was approved before, which runs meanwhile unless it is switched off.
        running: Version,
    },
    /// Other grants.
    Grants {
        /// The version that was approved before, which runs meanwhile unless it is switched off.
        running: Version,
        /// What would be different.
        changes: Vec<Change>,
        /// Those of them by which it may do or hear more than before.
        wider: Vec<Part>,
    },
}

impl News {
    pub(super) fn of(candidate: &Candidate, approved: Option<&Approved>, vocabulary: &Vocabulary) -> Self {
        let Some(approved) = approved else { return Self::First };
        let running = approved.version.clone();
        match approved.grants.changes(&candidate.grants) {
            _ if approved.digest == candidate.digest => Self::Nothing,
            changes if changes.is_empty() => Self::Code { running },
            changes => {
                let wider = changes.iter().filter(|change| is_wider(change, vocabulary));
                let wider = wider.map(|change| change.part.clone()).collect();
                Self::Grants { running, wider, changes: changes.into_iter().map(readable).collect() }
            }
        }
    }

    /// One line for people. `approved` is what was approved before, which may be switched off.
    pub(super) fn sentence(&self, approved: Option<&Approved>) -> String {
        let meanwhile = |version: &Version| match approved {
            Some(approved) if approved.standing != Standing::Enabled => {
                format!("{version} does not run, and a yes lets this one run")
            }
            _ => format!("{version} keeps running until this is approved"),
        };
        match self {
            Self::First => "new".to_owned(),
            Self::Nothing => "approved".to_owned(),
            Self::Code { running } => format!("same grants, new code; {}", meanwhile(running)),
            Self::Grants { running, wider, .. } => {
                let more = if wider.is_empty() { "asks for less" } else { "asks for other grants" };
                format!("{more}; {}", meanwhile(running))
            }
        }
    }

    /// Whether this part was not granted before, or not as widely.
    pub(super) fn widens(&self, part: &Part) -> bool {
        match self {
            Self::First => true,
            Self::Nothing | Self::Code { .. } => false,
            Self::Grants { wider, .. } => wider.contains(part),
        }
    }
}

/// Whether more is allowed by a change than before. What is not known to narrow counts as more.
fn is_wider(change: &Change, vocabulary: &Vocabulary) -> bool {
    let (was, now) = match (&change.was, &change.now) {
        (_, None) => return false,
        (None, Some(_)) => return true,
        (Some(was), Some(now)) => (was, now),
    };
    match &change.part {
        Part::Capability(name) => {
            let empty = Map::new();
            let [was, now] = [was, now].map(|held| held.as_object().unwrap_or(&empty));
            was.keys().chain(now.keys()).any(|parameter| !narrows(name, parameter, was, now, vocabulary))
        }
        Part::Handler(_) => {
            let [was, now] = [was, now].map(|grant| serde_json::from_value::<HandlerGrant>(grant.clone()));
            !matches!((was, now), (Ok(was), Ok(now)) if hears_less(&was, &now))
        }
        Part::Limit(_) => now["most"].as_u64() > was["most"].as_u64(),
        Part::Action(_) => true,
    }
}

/// Whether one parameter of a capability is as it was, or allows less.
fn narrows(
    capability: &str,
    parameter: &str,
    was: &Map<String, Value>,
    now: &Map<String, Value>,
    vocabulary: &Vocabulary,
) -> bool {
    match (was.get(parameter), now.get(parameter)) {
        (was, now) if was == now => true,
        (Some(Value::Number(was)), Some(Value::Number(now))) => {
            was.as_i64().zip(now.as_i64()).is_some_and(|(was, now)| now < was)
        }
        (Some(Value::Array(was)), Some(Value::Array(now))) => now.iter().all(|item| was.contains(item)),
        (was, now) => {
            let wider = vocabulary.capabilities.get(capability).map(|kind| kind.wider.as_slice()).unwrap_or_default();
            let is_wide = |held: Option<&Value>| {
                wider.iter().any(|wider| wider.parameter == parameter && Some(&wider.value) == held)
            };
            is_wide(was) && !is_wide(now)
        }
    }
}

/// Whether everything that is heard now was heard before, no earlier in the order.
fn hears_less(was: &HandlerGrant, now: &HandlerGrant) -> bool {
    let own = was.own_events || !now.own_events;
    own && now.priority >= was.priority && now.kinds.iter().all(|kind| was.hears(kind))
}

/// A difference with every hidden character in its parameters written out.
fn readable(change: Change) -> Change {
    Change { part: change.part, was: change.was.map(shown), now: change.now.map(shown) }
}
