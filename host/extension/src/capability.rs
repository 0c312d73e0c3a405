//! Capabilities: what an extension may call, one package of WIT each.
//!
//! The ones in the folder beside this file are registered like anybody else's: nothing here knows their names.

pub mod config;
pub mod kv;
pub mod log;
pub mod sessions;

use wasmtime::component::Linker;

use crate::{CapabilityKind, Invocation};

/// A capability: its description, and the code that a guest reaches through it.
pub trait Capability: Send + Sync {
    /// Its name in a manifest: `kv`.
    fn name(&self) -> &str;

    /// Its package, the sentence that a person reads, and the parameters that a grant may have.
    fn kind(&self) -> CapabilityKind;

    /// Adds the functions of its package to the linker of an extension that was granted it. What they answer goes into
    /// the journal ([`Invocation::journal`]), and what they write waits in [`Invocation::state`] until the handler has
    /// returned.
    ///
    /// # Errors
    ///
    /// What the linker says: two capabilities give the same interface.
    fn link(&self, linker: &mut Linker<Invocation>) -> wasmtime::Result<()>;
}
