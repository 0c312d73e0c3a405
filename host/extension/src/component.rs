//! A component: compiled, and asked what it imports and which handlers it has. Nothing of it has run.

use codex_manager_model::limits;
use semver::Version;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component as Compiled, ComponentExportIndex};

use crate::{Digest, Engine, Interface, Unfinished};

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
    /// It is cut off, or not valid, or larger inside than there are places for.
    #[error("it does not compile: {0:#}")]
    Invalid(wasmtime::Error),
    /// Nobody waits for it any longer.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}

impl Component {
    /// Takes a component from the engine's kept code, which costs milliseconds and waits for nobody, or compiles it. That
    /// blocks for seconds, and at most for [`EXTENSION_COMPILE_MAX`](limits::EXTENSION_COMPILE_MAX) once it has begun.
    ///
    /// # Errors
    ///
    /// [`ComponentError`], which says what is wrong with it.
    pub fn compile(engine: &Engine, bytes: &[u8]) -> Result<Self, ComponentError> {
        check_form(bytes)?;
        let digest = Digest::of(bytes);
        let compiled = match engine.compiled() {
            Some(kept) if kept.holds(engine.wasmtime(), &digest) => Compiled::from_binary(engine.wasmtime(), bytes),
            _ => {
                let (engine_then, bytes) = (engine.clone(), bytes.to_vec());
                engine.compiling().run(digest, move || anew(&engine_then, digest, &bytes))?
            }
        };
        let compiled = compiled.map_err(ComponentError::Invalid)?;
        Ok(Self {
            digest,
            imports: imports_of(&compiled),
            exports: exports_of(&compiled),
            on_event: on_event_of(&compiled),
            compiled,
        })
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

    pub(crate) fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    pub(crate) fn on_event(&self) -> Option<&ComponentExportIndex> {
        self.on_event.as_ref()
    }
}

/// What can be said without the compiler is said better.
fn check_form(bytes: &[u8]) -> Result<(), ComponentError> {
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

/// Compiles, and keeps what comes out.
fn anew(engine: &Engine, digest: Digest, bytes: &[u8]) -> wasmtime::Result<Compiled> {
    let compile = || Compiled::from_binary(engine.wasmtime(), bytes);
    match engine.compiled() {
        None => compile(),
        Some(kept) => kept.keep(engine.wasmtime(), &digest, compile),
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
    use std::sync::mpsc;
    use std::thread;

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
        assert!(matches!(compile(&whole[..whole.len() - 3]), Err(ComponentError::Invalid(_))));
        assert!(matches!(
            compile(&vec![0; limits::EXTENSION_COMPONENT_BYTES_MAX + 1]),
            Err(ComponentError::TooLarge { .. })
        ));
        assert!(compile(&whole).is_ok_and(|component| !component.handles_events()));
    }
    #[test]
    fn what_is_kept_waits_for_nobody_who_compiles() {
        let folder = tempfile::tempdir_in(std::env::temp_dir()).expect("a folder");
        let engine =
            || Config { cache: Some(folder.path().to_owned()), ..Config::default() }.build().expect("an engine");
        let bytes = wat::parse_str("(component (core module (func)))").expect("it parses");
        Component::compile(&engine(), &bytes).expect("it compiles");

        let engine = engine();
        let (begun, begins) = mpsc::channel();
        let held: Vec<_> = (0..limits::EXTENSION_COMPILES_MAX)
            .map(|number| {
                let (let_go, held) = mpsc::channel::<()>();
                let (engine, begun) = (engine.clone(), begun.clone());
                let work = move || (begun.send(()), held.recv().is_err());
                let run = move || engine.compiling().run(Digest::of(&[u8::try_from(number).expect("few")]), work);
                (let_go, thread::spawn(run))
            })
            .collect();
        for _ in &held {
            begins.recv().expect("each finds a place");
        }
        Component::compile(&engine, &bytes).expect("there is no place, and none is needed");
        assert_eq!(engine.cache_hits(), 1);
        for (let_go, waiting) in held {
            drop(let_go);
            assert!(matches!(waiting.join(), Ok(Ok((Ok(()), true)))));
        }
    }
}
