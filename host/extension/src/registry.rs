//! What a host has to offer: its vocabulary, and the code behind its capabilities.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{ActionKind, Capability, EventKind, Package, Vocabulary, wasi};

/// Kinds of events and actions, and capabilities. An embedder registers its own; a new registry has none.
#[derive(Clone, Default)]
pub struct Registry {
    vocabulary: Vocabulary,
    capabilities: BTreeMap<String, Arc<dyn Capability>>,
}

impl Registry {
    /// A registry that knows how handlers are called and what a standard library needs, and nothing else.
    pub fn new() -> Self {
        let version = semver::Version::new(1, 0, 0);
        let package = |name: &str| Package::new(name, version.clone());
        let vocabulary = Vocabulary {
            handlers: BTreeMap::from([("on-event".to_owned(), package("codex-manager:on-event"))]),
            ambient: [package("codex-manager:events"), package("codex-manager:actions")]
                .into_iter()
                .chain(wasi::ambient())
                .collect(),
            ..Vocabulary::default()
        };
        Self { vocabulary, capabilities: BTreeMap::new() }
    }

    /// Lets extensions hear of this kind of event; `family.*` stands for all below.
    #[must_use]
    pub fn event(mut self, kind: impl Into<String>, what: EventKind) -> Self {
        self.vocabulary.events.insert(kind.into(), what);
        self
    }

    /// Keeps every kind of event that begins so from extensions, and says why to whoever asks for one.
    #[must_use]
    pub fn withhold(mut self, beginning: impl Into<String>, why: impl Into<String>) -> Self {
        self.vocabulary.withheld.insert(beginning.into(), why.into());
        self
    }

    /// Lets extensions ask for this kind of action.
    #[must_use]
    pub fn action(mut self, kind: impl Into<String>, what: ActionKind) -> Self {
        self.vocabulary.actions.insert(kind.into(), what);
        self
    }

    /// Lets extensions ask for this capability. One of the same name takes the other's place.
    #[must_use]
    pub fn capability(mut self, capability: impl Capability + 'static) -> Self {
        let name = capability.name().to_owned();
        self.vocabulary.capabilities.insert(name.clone(), capability.kind());
        self.capabilities.insert(name, Arc::new(capability));
        self
    }

    /// All of it as plain data.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The capability of this name.
    pub(crate) fn capability_named(&self, name: &str) -> Option<&dyn Capability> {
        self.capabilities.get(name).map(AsRef::as_ref)
    }

    /// The capability whose package this is.
    pub(crate) fn capability_of_package(&self, package: &str) -> Option<&str> {
        self.vocabulary
            .capabilities
            .iter()
            .find(|(_, kind)| kind.package.name == package)
            .map(|(name, _)| name.as_str())
    }
}
