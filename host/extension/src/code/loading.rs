//! The one place in the program that makes machine code of bytes.
//!
//! Loading code is trusting it, and the type system cannot know whom. So the bytes are a [`Code`], of which there are two
//! kinds and no third: what this process has compiled a moment ago, and what has the digest that was recorded when a
//! compiler of ours had made it. The digest is taken of the very bytes that are loaded.

use codex_manager_model::limits::EXTENSION_SENTENCE_CHARS_MAX;
use wasmtime::component::Component as Compiled;

use crate::compiler::{self, Refusal};
use crate::{CompileFault, ComponentError, Digest, Engine};

/// Bytes that a compiler of ours has made.
pub(crate) struct Code(Vec<u8>);

impl Code {
    /// What is kept, if it is what was recorded.
    pub(super) fn kept(bytes: Vec<u8>, recorded: &Digest) -> Option<Self> {
        (Digest::of(&bytes) == *recorded).then_some(Self(bytes))
    }

    /// Compiles a component in this process, with an engine that can. Nothing limits it.
    pub(crate) fn compile(compiling: &wasmtime::Engine, component: &[u8]) -> Result<Self, Refusal> {
        compiler::compile(compiling, component).map(Self)
    }

    /// Loads it. The engine compares first for which engine it was made.
    pub(crate) fn load(&self, engine: &Engine) -> Result<Compiled, ComponentError> {
        #[expect(unsafe_code, reason = "loading machine code is unsafe, and a host that never compiles has to")]
        // SAFETY: what is asked for is that the bytes are what wasmtime has made of a component and nobody has changed
        // since. A `Code` is just that: see how it comes about above. The bytes are ours and are copied from memory, so
        // they cannot change between the comparison of digests and this.
        let loaded = unsafe { Compiled::deserialize(engine.wasmtime(), &self.0) };
        loaded.map_err(|error| {
            let sentence = format!("{error:#}").chars().take(EXTENSION_SENTENCE_CHARS_MAX).collect();
            match error.is::<wasmtime::OutOfMemory>() || error.is::<std::io::Error>() {
                true => CompileFault::NotLoaded(sentence).into(),
                false => ComponentError::Refused { sentence: format!("it cannot run here: {sentence}") },
            }
        })
    }
}
