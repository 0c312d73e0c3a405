//! A component with what it was granted, ready to be called.

use std::sync::Arc;

use semver::Version;
use wasmtime::component::{InstancePre, Linker};

use crate::engine::Share;
use crate::invocation::{Caller, Granted};
use crate::{Component, Digest, Engine, ExtensionId, Interface, Invocation, Limits, Registry, wasi};

/// An extension's component, linked with exactly the capabilities that it was granted. Linking is done once; each call
/// takes an instance of its own.
#[derive(Clone)]
pub struct Linked {
    pub(crate) engine: Engine,
    pub(crate) component: Component,
    pub(crate) caller: Arc<Caller>,
    pub(crate) pre: InstancePre<Invocation>,
    /// How many places all versions of it may take together.
    pub(crate) share: Share,
}

/// Why a component cannot be linked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It was granted something that this host does not have.
    #[error("{extension} was granted {capability}, which this host does not have")]
    Unknown {
        /// The extension.
        extension: ExtensionId,
        /// The capability.
        capability: String,
    },
    /// It imports a capability that it was not granted.
    #[error("{extension} imports {import}, which belongs to {capability}: that was not granted")]
    NotGranted {
        /// The extension.
        extension: ExtensionId,
        /// What it imports.
        import: String,
        /// The capability that would give it.
        capability: String,
    },
    /// It imports something that no extension gets here.
    #[error("{extension} imports {import}, which no extension gets from this host")]
    NotOffered {
        /// The extension.
        extension: ExtensionId,
        /// What it imports.
        import: String,
    },
    /// It was built against a version that is not compatible with the host's.
    #[error("{extension} imports {import}, and this host has version {host}")]
    OtherVersion {
        /// The extension.
        extension: ExtensionId,
        /// What it imports.
        import: String,
        /// The version that the host has.
        host: Version,
    },
    /// Names and versions fit, and something below them does not: a function that is newer than the host, or a type.
    #[error("{extension} does not fit this host: {problem}")]
    Unfit {
        /// The extension.
        extension: ExtensionId,
        /// What the linker says.
        problem: String,
    },
}

impl Linked {
    /// Links a component. Its imports are compared with its grants first, so that the answer is a sentence.
    ///
    /// # Errors
    ///
    /// [`LinkError`], which names the extension and the import. Nothing of it has run.
    pub fn new(
        engine: &Engine,
        registry: &Registry,
        component: &Component,
        extension: ExtensionId,
        granted: Granted,
        limits: Limits,
    ) -> Result<Self, LinkError> {
        for import in component.imports() {
            check(registry, &extension, &granted, import)?;
        }
        let mut linker = Linker::new(engine.wasmtime());
        let unfit =
            |error: wasmtime::Error| LinkError::Unfit { extension: extension.clone(), problem: format!("{error:#}") };
        wasi::link(&mut linker).map_err(unfit)?;
        for name in granted.keys() {
            let unknown = || LinkError::Unknown { extension: extension.clone(), capability: name.clone() };
            registry.capability_named(name).ok_or_else(unknown)?.link(&mut linker).map_err(unfit)?;
        }
        let pre = linker.instantiate_pre(component.wasmtime()).map_err(unfit)?;
        let share = engine.share(extension.as_str());
        let caller = Arc::new(Caller { extension, granted, limits });
        Ok(Self { engine: engine.clone(), component: component.clone(), caller, pre, share })
    }

    /// The extension.
    pub fn extension(&self) -> &ExtensionId {
        &self.caller.extension
    }

    /// The digest of its component.
    pub fn digest(&self) -> Digest {
        self.component.digest()
    }

    /// What one call may use.
    pub fn limits(&self) -> &Limits {
        &self.caller.limits
    }

    /// Whether it has a handler of events.
    pub fn handles_events(&self) -> bool {
        self.component.handles_events()
    }
}

fn check(registry: &Registry, extension: &ExtensionId, granted: &Granted, import: &str) -> Result<(), LinkError> {
    let (extension, not_offered) = (extension.clone(), import.to_owned());
    let not_offered = LinkError::NotOffered { extension: extension.clone(), import: not_offered };
    let Ok(interface) = import.parse::<Interface>() else { return Err(not_offered) };
    let vocabulary = registry.vocabulary();
    let ambient = |name: &str| vocabulary.ambient.iter().find(|package| package.name == name);
    let capability = registry.capability_of_package(&interface.package);
    let package = match ambient(&interface.path()).or_else(|| ambient(&interface.package)) {
        Some(package) => package,
        None => match capability {
            None => return Err(not_offered),
            Some(name) => &vocabulary.capabilities[name].package,
        },
    };
    if !package.fits(interface.version.as_ref()) {
        let (import, host) = (import.to_owned(), package.version.clone());
        return Err(LinkError::OtherVersion { extension, import, host });
    }
    match capability {
        Some(name) if !granted.contains_key(name) => {
            Err(LinkError::NotGranted { extension, import: import.to_owned(), capability: name.to_owned() })
        }
        _ => Ok(()),
    }
}
