//! What a host understands, as plain data: its handlers, the kinds of events and actions, and its capabilities.
//!
//! Manifests are checked against it and the screen that a person reads takes its sentences from it. It holds no code:
//! what a capability *does* is registered with the engine.

mod file;
mod heard;

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{ClaimRule, Shape, Verdict};

pub use file::VocabularyError;

/// Everything that a host lets an extension name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Vocabulary {
    /// The handlers it calls, by their name in a manifest (`on-event`).
    pub handlers: BTreeMap<String, Package>,
    /// The kinds of events it tells of. A key that ends in `.*` is a family: it tells what those below it are together,
    /// and what those are like that come below it and are not known here.
    pub events: BTreeMap<String, EventKind>,
    /// Kinds of events that are not for extensions, by how they begin (`alarm_`), each with the reason.
    pub withheld: BTreeMap<String, String>,
    /// The kinds of actions it takes.
    pub actions: BTreeMap<String, ActionKind>,
    /// The capabilities it has, by their name in a manifest (`kv`).
    pub capabilities: BTreeMap<String, CapabilityKind>,
    /// Packages (`acme:shapes`) and interfaces (`wasi:io/streams`) that every component may import without asking.
    pub ambient: Vec<Package>,
}

/// A package of WIT at the version that the host has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// `namespace:name`, without a version.
    pub name: String,
    /// The host's version. A component may ask for any version with the same major number.
    pub version: Version,
}

/// A kind of event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventKind {
    /// What an extension is told by it, in the host's words: "each knock at the door". Where it is empty, the kind itself
    /// is shown.
    pub sentence: String,
    /// Never written to the log, and so not for extensions: no mark could be kept for it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ephemeral: bool,
    /// Set if the event asks a question that somebody must decide: the claim that stands for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interaction: Option<ClaimRule>,
}

/// A kind of action.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ActionKind {
    /// What it lets an extension do, in the host's words: "open the door".
    pub sentence: String,
    /// What only one group may have; `None` competes with nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimRule>,
    /// Which way it decides the interaction that it claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// A capability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapabilityKind {
    /// The package whose interfaces it gives.
    pub package: Package,
    /// What it lets an extension do, in the host's words: "keep data of its own".
    pub sentence: String,
    /// The parameters that a manifest may give, each optional. `reason` is none of them: every capability needs one.
    ///
    /// A smaller number and a shorter list have to allow less, and no other change of one is taken to.
    #[serde(default)]
    pub parameters: BTreeMap<String, Shape>,
    /// What it lets an extension do beyond that where a parameter has a certain value.
    #[serde(default)]
    pub wider: Vec<Wider>,
}

/// A value of a parameter that makes a capability another thing to say yes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wider {
    /// The parameter.
    pub parameter: String,
    /// Its value.
    pub value: Value,
    /// What the capability then lets an extension do, in the host's words and in place of the usual sentence.
    pub sentence: String,
}

impl CapabilityKind {
    /// The host's sentence for a grant with these parameters.
    pub fn sentence_with(&self, parameters: &Map<String, Value>) -> &str {
        let wider = self.wider.iter().find(|wider| parameters.get(&wider.parameter) == Some(&wider.value));
        wider.map_or(&self.sentence, |wider| &wider.sentence)
    }
}

impl Package {
    /// The package `name` at `version`.
    pub fn new(name: impl Into<String>, version: Version) -> Self {
        Self { name: name.into(), version }
    }

    /// Whether a component that was built against `asked` may use it. Before 1.0 the second number is the major one.
    pub fn fits(&self, asked: Option<&Version>) -> bool {
        let major = |version: &Version| (version.major, if version.major == 0 { version.minor } else { 0 });
        asked.is_none_or(|asked| major(asked) == major(&self.version))
    }
}

impl Vocabulary {
    /// The kind of event of that name: the exact one, else the closest family around it.
    pub fn event(&self, kind: &str) -> Option<&EventKind> {
        self.events.get(kind).or_else(|| {
            let mut head = kind;
            while let Some((shorter, _)) = head.rsplit_once('.') {
                if let Some(found) = self.events.get(&format!("{shorter}.*")) {
                    return Some(found);
                }
                head = shorter;
            }
            None
        })
    }

    /// What a person is told of the events that this pattern of a manifest hears, in the host's words. Empty for one kind
    /// that the host has none for.
    pub fn sentence_of(&self, pattern: &str) -> String {
        heard::sentence(self, pattern)
    }

    /// Why nothing is ever heard by this pattern of a manifest; `hint` says which of these names was probably meant.
    pub(crate) fn unheard(&self, pattern: &str, hint: impl Fn(&BTreeSet<&str>) -> String) -> Option<String> {
        heard::unheard(self, pattern, hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_found_by_its_own_name_or_by_its_family() {
        let ephemeral = EventKind { ephemeral: true, ..EventKind::default() };
        let vocabulary = Vocabulary {
            events: BTreeMap::from([
                ("door.*".to_owned(), EventKind::default()),
                ("door.draught".to_owned(), ephemeral.clone()),
                ("door.draught.*".to_owned(), ephemeral),
            ]),
            ..Vocabulary::default()
        };
        let is_ephemeral = |kind| vocabulary.event(kind).map(|found| found.ephemeral);
        assert_eq!(is_ephemeral("door.done"), Some(false));
        assert_eq!(is_ephemeral("door.some.thing"), Some(false));
        assert_eq!(is_ephemeral("door.draught"), Some(true));
        assert_eq!(is_ephemeral("door.draught.text"), Some(true));
        assert_eq!(is_ephemeral("door"), None);
        assert_eq!(is_ephemeral("bell.rung"), None);
    }
}
