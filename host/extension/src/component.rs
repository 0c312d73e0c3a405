//! A component: loaded, and asked what it imports and which handlers it has. Nothing of it has run.

use codex_manager_model::limits;
use semver::Version;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component as Compiled, ComponentExportIndex};

use crate::code::Code;
use crate::{CompileFault, Digest, Engine, Interface};

/// The handler of events, as the package `codex-manager:on-event` has it.
pub(crate) const ON_EVENT: &str = "codex-manager:on-event/handler";
/// Its one function.
pub(crate) const HANDLE: &str = "handle";
/// The version of it that is called. Others with the same major number are called just so.
const ON_EVENT_VERSION: Version = Version::new(1, 0, 0);
/// What every file of WebAssembly begins with.
const MAGIC: &[u8] = b"\0asm";
/// What follows it in a component, and not in a core module.
const COMPONENT_LAYER: [u8; 2] = [1, 0];

/// A compiled component.
#[derive(Clone)]
pub struct Component {
    compiled: Compiled,
    digest: Digest,
    imports: Vec<String>,
    exports: Vec<Interface>,
    on_event: Option<ComponentExportIndex>,
}

/// Why some bytes are no component that could run here.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// It is larger than anything that is compiled.
    #[error("it has {bytes} bytes, and {max} is the most", max = limits::EXTENSION_COMPONENT_BYTES_MAX)]
    TooLarge {
        /// How large it is.
        bytes: usize,
    },
    /// It is something else altogether.
    #[error("it is not WebAssembly")]
    NotWasm,
    /// It is WebAssembly, but a module: built for another target.
    #[error("it is a core module and not a component; build it for wasm32-wasip2")]
    CoreModule,
    /// The compiler does not take it: it is not valid, or takes more than it may.
    #[error("{sentence}")]
    Refused {
        /// Why.
        sentence: String,
    },
    /// The host could not do the work. That may be otherwise the next time, and says nothing of the component.
    #[error(transparent)]
    Host(#[from] CompileFault),
}

impl ComponentError {
    /// Whether it is the host's doing, so that the same bytes are worth another try.
    pub const fn is_host(&self) -> bool {
        matches!(self, Self::Host(_))
    }
}

impl Component {
    /// Compiles a component in this process, on this thread. **Nothing limits what that takes**, and nothing stops it: it is
    /// for tests, and for components that are one's own. Those of others are made ready by
    /// [`CompiledCode`](crate::CompiledCode).
    ///
    /// # Errors
    ///
    /// [`ComponentError`], which says what is wrong with it.
    pub fn compile(engine: &Engine, bytes: &[u8]) -> Result<Self, ComponentError> {
        check_form(bytes)?;
        let code = Code::compile(&engine.compiling()?, bytes);
        let code = code.map_err(|refusal| ComponentError::Refused { sentence: refusal.to_string() })?;
        Ok(Self::of(code.load(engine)?, Digest::of(bytes)))
    }

    /// A component that is loaded, of the bytes with this digest.
    pub(crate) fn of(compiled: Compiled, digest: Digest) -> Self {
        Self {
            digest,
            imports: imports_of(&compiled),
            exports: exports_of(&compiled),
            on_event: on_event_of(&compiled),
            compiled,
        }
    }

    /// The digest of its bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What it imports, as it is written there. What gives it nothing to call, types alone, is left out.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// The interfaces that it exports, handlers among them.
    pub fn exports(&self) -> &[Interface] {
        &self.exports
    }

    /// Whether it has a handler of events that this host can call.
    pub fn handles_events(&self) -> bool {
        self.on_event.is_some()
    }

    /// The component below, for whoever makes a linker of their own.
    pub fn wasmtime(&self) -> &Compiled {
        &self.compiled
    }

    pub(crate) fn on_event(&self) -> Option<&ComponentExportIndex> {
        self.on_event.as_ref()
    }
}

/// What can be said without the compiler is said better.
pub(crate) fn check_form(bytes: &[u8]) -> Result<(), ComponentError> {
    if bytes.len() > limits::EXTENSION_COMPONENT_BYTES_MAX {
        return Err(ComponentError::TooLarge { bytes: bytes.len() });
    }
    if !bytes.starts_with(MAGIC) {
        return Err(ComponentError::NotWasm);
    }
    match bytes.get(6..8) {
        Some(layer) if layer != COMPONENT_LAYER => Err(ComponentError::CoreModule),
        _ => Ok(()),
    }
}

fn imports_of(compiled: &Compiled) -> Vec<String> {
    let engine = compiled.engine();
    let ty = compiled.component_type();
    let callable = |item: &ComponentItem| match item {
        ComponentItem::ComponentInstance(instance) => {
            instance.exports(engine).any(|(_, item)| !matches!(item.ty, ComponentItem::Type(_)))
        }
        ComponentItem::Type(_) => false,
        _ => true,
    };
    ty.imports(engine).filter(|(_, item)| callable(&item.ty)).map(|(name, _)| name.to_owned()).collect()
}

fn exports_of(compiled: &Compiled) -> Vec<Interface> {
    let engine = compiled.engine();
    compiled.component_type().exports(engine).filter_map(|(name, _)| name.parse().ok()).collect()
}

/// The engine finds any version that is compatible with the one that is asked for.
fn on_event_of(compiled: &Compiled) -> Option<ComponentExportIndex> {
    let handler = compiled.get_export_index(None, format!("{ON_EVENT}@{ON_EVENT_VERSION}").as_str())?;
    compiled.get_export_index(Some(&handler), HANDLE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn compile(bytes: &[u8]) -> Result<Component, ComponentError> {
        Component::compile(&Config::default().build().expect("an engine"), bytes)
    }

    #[test]
    fn what_is_no_component_is_told_apart() {
        let whole = wat::parse_str("(component (core module (func)))").expect("it parses");
        assert!(matches!(compile(b"#!/bin/sh"), Err(ComponentError::NotWasm)));
        assert!(matches!(compile(b"\0asm\x01\0\0\0"), Err(ComponentError::CoreModule)));
        assert!(matches!(compile(&whole[..whole.len() - 3]), Err(ComponentError::Refused { .. })));
        assert!(matches!(
            compile(&vec![0; limits::EXTENSION_COMPONENT_BYTES_MAX + 1]),
            Err(ComponentError::TooLarge { .. })
        ));
        assert!(compile(&whole).is_ok_and(|component| !component.handles_events()));
    }
}
