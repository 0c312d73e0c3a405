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

    /// Lets extensions hear of this kind of event. `family.*` gives a family its words: what lies in it is registered by
    /// its own name.
    ///
    /// # Panics
    ///
    /// Where there is one of that name already, as with everything that is registered here.
    #[must_use]
    pub fn event(mut self, kind: impl Into<String>, what: EventKind) -> Self {
        put(&mut self.vocabulary.events, "the kind of event", kind.into(), what);
        self
    }

    /// Keeps every kind of event that begins so from extensions, and says why to whoever asks for one.
    #[must_use]
    pub fn withhold(mut self, beginning: impl Into<String>, why: impl Into<String>) -> Self {
        put(&mut self.vocabulary.withheld, "what is withheld,", beginning.into(), why.into());
        self
    }

    /// Lets extensions ask for this kind of action.
    #[must_use]
    pub fn action(mut self, kind: impl Into<String>, what: ActionKind) -> Self {
        put(&mut self.vocabulary.actions, "the kind of action", kind.into(), what);
        self
    }

    /// Lets extensions ask for this capability. Its package is no other's either: imports are told apart by it.
    #[must_use]
    pub fn capability(mut self, capability: impl Capability + 'static) -> Self {
        let (name, kind) = (capability.name().to_owned(), capability.kind());
        if let Some(other) = self.capability_of_package(&kind.package.name) {
            assert!(
                other == name,
                "the capability `{name}` gives the package {}, as `{other}` does",
                kind.package.name
            );
        }
        put(&mut self.vocabulary.capabilities, "the capability", name.clone(), kind);
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

/// Whoever registers twice under one name has mistaken one for the other: which of them holds is not ours to guess.
fn put<T>(registered: &mut BTreeMap<String, T>, what: &str, name: String, value: T) {
    assert!(!registered.contains_key(&name), "{what} `{name}` is registered twice");
    registered.insert(name, value);
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::CapabilityKind;
    use crate::capability::log::Log;
    use wasmtime::component::Linker;

    /// Gives what `log` does, under another name.
    struct Twin;

    impl Capability for Twin {
        fn name(&self) -> &str {
            "twin"
        }

        fn kind(&self) -> CapabilityKind {
            Log.kind()
        }

        fn link(&self, _: &mut Linker<crate::Invocation>) -> wasmtime::Result<()> {
            Ok(())
        }
    }

    fn refused(again: impl FnOnce(Registry) -> Registry) -> String {
        let registry = Registry::new()
            .event("door.knocked", EventKind::default())
            .withhold("alarm_", "alarms are not for extensions")
            .action("door.open", ActionKind::default())
            .capability(Log);
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| again(registry))) else { panic!("it was taken") };
        panic.downcast_ref::<String>().expect("a sentence").clone()
    }

    #[test]
    fn what_is_registered_twice_is_refused_by_name() {
        let told = [
            refused(|registry| registry.event("door.knocked", EventKind::default())),
            refused(|registry| registry.withhold("alarm_", "again")),
            refused(|registry| registry.action("door.open", ActionKind::default())),
            refused(|registry| registry.capability(Log)),
            refused(|registry| registry.capability(Twin)),
        ];
        let expected = [
            "the kind of event `door.knocked` is registered twice",
            "what is withheld, `alarm_` is registered twice",
            "the kind of action `door.open` is registered twice",
            "the capability `log` is registered twice",
            "the capability `twin` gives the package codex-manager:log, as `log` does",
        ];
        assert_eq!(told, expected);
    }
}
