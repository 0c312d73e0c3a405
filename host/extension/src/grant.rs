//! Grants: what an extension was given, and what changes when it asks anew.
//!
//! They are normalized from the manifest and granted whole: an extension that got half of what it needs would fail in
//! ways that nobody has tested. What only narrows itself (limits that are less than usual) and what only informs
//! (reasons) is not in them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{Limits, Manifest, Verdict, Vocabulary};

/// Everything that an extension may do and hear. Two are equal if and only if they allow the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grants {
    /// The kinds of actions it may ask for.
    pub actions: BTreeSet<String>,
    /// The handlers that are called, by name.
    pub handlers: BTreeMap<String, HandlerGrant>,
    /// The capabilities it has, with their parameters.
    pub capabilities: BTreeMap<String, Map<String, Value>>,
    /// What it may use in one call beyond what is usual, by the limit's name in a manifest: milliseconds, or bytes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, u64>,
}

/// What one handler hears, and when its turn comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandlerGrant {
    /// The kinds of events it hears.
    pub kinds: BTreeSet<String>,
    /// Its place in the order; smaller goes first, and so wins what only one may have.
    pub priority: u16,
    /// Whether it hears what it caused itself.
    pub own_events: bool,
}

/// One difference between two grants.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// What differs.
    pub part: Part,
    /// Its parameters before; `None` if it is new.
    pub was: Option<Value>,
    /// Its parameters from now on; `None` if it is gone.
    pub now: Option<Value>,
}

/// What can be granted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase", tag = "what", content = "name")]
pub enum Part {
    /// A capability, by its name.
    Capability(String),
    /// A kind of action.
    Action(String),
    /// A handler, by its name.
    Handler(String),
    /// More than is usual of what is limited: `cpu`, `wall` or `memory`.
    Limit(String),
}

impl Grants {
    /// What this manifest asks for, as it would be granted.
    pub fn asked_by(manifest: &Manifest) -> Self {
        let handler = |handler: &crate::Handler| HandlerGrant {
            kinds: handler.kinds.iter().cloned().collect(),
            priority: handler.priority,
            own_events: handler.own_events,
        };
        let capabilities = manifest.capabilities.iter();
        Self {
            actions: manifest.actions.keys().cloned().collect(),
            handlers: manifest.handlers.iter().map(|(name, asked)| (name.clone(), handler(asked))).collect(),
            capabilities: capabilities.map(|(name, asked)| (name.clone(), asked.parameters.clone())).collect(),
            limits: beyond_usual(manifest),
        }
    }

    /// What would be different if `now` held in place of this, in a fixed order. Empty if and only if they are equal.
    pub fn changes(&self, now: &Self) -> Vec<Change> {
        let (was, now) = (self.parts(), now.parts());
        let parts: BTreeSet<_> = was.keys().chain(now.keys()).collect();
        let change =
            |part: &&Part| Change { part: (*part).clone(), was: was.get(*part).cloned(), now: now.get(*part).cloned() };
        parts.iter().map(change).filter(|change| change.was != change.now).collect()
    }

    /// Whether one of the granted actions decides what an event asks, in whichever way.
    pub fn may_decide(&self, vocabulary: &Vocabulary) -> bool {
        let verdict = |kind: &String| vocabulary.actions.get(kind).and_then(|action| action.verdict);
        self.actions.iter().any(|kind| verdict(kind).is_some())
    }

    /// Whether one of the granted actions declines what an event asks that is heard. Who hears of it in another way, by a
    /// row of the transcript say, may decline as well and is not waited for.
    pub fn may_decline(&self, vocabulary: &Vocabulary) -> bool {
        let declines = |kind: &String| {
            let action = vocabulary.actions.get(kind)?;
            action.claim.as_ref().filter(|_| action.verdict == Some(Verdict::Decline))
        };
        let hears = |kind: &str| self.handlers.values().any(|handler| handler.hears(kind));
        let asked: Vec<_> = vocabulary
            .events
            .iter()
            .filter_map(|(kind, event)| event.interaction.as_ref().filter(|_| hears(kind)))
            .collect();
        self.actions.iter().filter_map(declines).any(|claim| asked.iter().any(|asks| asks.is_about_the_same(claim)))
    }

    /// Everything that is granted, with its parameters.
    pub(crate) fn parts(&self) -> BTreeMap<Part, Value> {
        let actions = self.actions.iter().map(|name| (Part::Action(name.clone()), Value::Object(Map::new())));
        let handlers = self.handlers.iter().map(|(name, handler)| (Part::Handler(name.clone()), handler.to_value()));
        let capabilities = self.capabilities.iter();
        let capabilities = capabilities.map(|(name, held)| (Part::Capability(name.clone()), held.clone().into()));
        let limits = self.limits.iter().map(|(name, most)| (Part::Limit(name.clone()), json!({ "most": most })));
        actions.chain(handlers).chain(capabilities).chain(limits).collect()
    }
}

/// The limits that this manifest asks to be wider than they usually are.
fn beyond_usual(manifest: &Manifest) -> BTreeMap<String, u64> {
    let (usual, asked) = (Limits::default(), &manifest.limits);
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let limits = [
        ("cpu", asked.cpu.map(millis), millis(usual.cpu)),
        ("wall", asked.wall.map(millis), millis(usual.wall)),
        ("memory", asked.memory_bytes, usual.memory_bytes as u64),
    ];
    let beyond = |(name, asked, usual): (&str, Option<u64>, u64)| {
        asked.filter(|asked| *asked > usual).map(|asked| (name.to_owned(), asked))
    };
    limits.into_iter().filter_map(beyond).collect()
}

impl HandlerGrant {
    /// Whether it hears events of this kind.
    pub fn hears(&self, kind: &str) -> bool {
        self.kinds.iter().any(|pattern| crate::manifest::matches(pattern, kind))
    }

    fn to_value(&self) -> Value {
        json!({ "kinds": self.kinds, "priority": self.priority, "own_events": self.own_events })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, btree_set};
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::{MANIFEST, house};

    fn grants(text: &str) -> Grants {
        Grants::asked_by(&Manifest::parse(text, &house()).expect("it is good"))
    }

    #[test]
    fn only_what_allows_more_or_less_is_a_change() {
        let limit = |name: &str, most: u64| {
            let part = Part::Limit(name.to_owned());
            vec![Change { part, was: None, now: Some(json!({ "most": most })) }]
        };
        let cases: [(&str, &str, Vec<Change>); 9] = [
            ("Remembers who", "Still remembers who", vec![]),
            ("1 MiB", "1024 KiB", vec![]),
            ("100 ms", "90 ms", vec![]),
            ("100 ms", "250 ms", vec![]),
            ("100 ms", "251 ms", limit("cpu", 251)),
            ("16 MiB", "65 MiB", limit("memory", 65 << 20)),
            (
                "1 MiB",
                "2 MiB",
                vec![Change {
                    part: Part::Capability("kv".to_owned()),
                    was: Some(json!({"bytes_max": 1_048_576})),
                    now: Some(json!({"bytes_max": 2_097_152})),
                }],
            ),
            (
                "\"door.keep-shut\"",
                "\"door.open\"",
                vec![
                    Change { part: Part::Action("door.keep-shut".to_owned()), was: Some(json!({})), now: None },
                    Change { part: Part::Action("door.open".to_owned()), was: None, now: Some(json!({})) },
                ],
            ),
            (
                "priority = 10",
                "priority = 1",
                vec![Change {
                    part: Part::Handler("on-event".to_owned()),
                    was: Some(json!({"kinds": ["door.knocked", "weather.*"], "priority": 10, "own_events": false})),
                    now: Some(json!({"kinds": ["door.knocked", "weather.*"], "priority": 1, "own_events": false})),
                }],
            ),
        ];
        for (was, now, changes) in cases {
            assert_eq!(grants(MANIFEST).changes(&grants(&MANIFEST.replacen(was, now, 1))), changes, "{now}");
        }
    }

    fn any_grants() -> impl Strategy<Value = Grants> {
        let handler = (btree_set("[ab]", 0..3), 0..3_u16, any::<bool>());
        let handler = handler.prop_map(|(kinds, priority, own_events)| HandlerGrant { kinds, priority, own_events });
        let parameters = btree_map("[pq]", 0..3_i64, 0..3);
        let parameters = parameters.prop_map(|held| held.into_iter().map(|(name, held)| (name, held.into())).collect());
        let handlers = btree_map("[ab]", handler, 0..3);
        let (capabilities, limits) = (btree_map("[abc]", parameters, 0..3), btree_map("[ab]", 0..3_u64, 0..3));
        (btree_set("[abc]", 0..3), handlers, capabilities, limits)
            .prop_map(|(actions, handlers, capabilities, limits)| Grants { actions, handlers, capabilities, limits })
    }

    proptest! {
        #[test]
        fn there_are_no_changes_if_and_only_if_they_are_equal(was in any_grants(), now in any_grants()) {
            prop_assert_eq!(was.changes(&now).is_empty(), was == now);
            prop_assert!(was.changes(&was).is_empty());
        }

        #[test]
        fn the_way_back_is_the_way_there_turned_round(was in any_grants(), now in any_grants()) {
            let turn = |change: Change| Change { part: change.part, was: change.now, now: change.was };
            let back: Vec<_> = now.changes(&was).into_iter().map(turn).collect();
            prop_assert_eq!(was.changes(&now), back);
        }
    }
}
