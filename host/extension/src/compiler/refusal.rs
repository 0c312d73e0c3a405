//! What speaks against a component: the compiler does not take it, or not within its bounds.

use std::panic::{AssertUnwindSafe, catch_unwind};

use codex_manager_model::limits::{EXTENSION_CODE_BYTES_MAX, EXTENSION_SENTENCE_CHARS_MAX};
use wasmtime::OutOfMemory;

/// Why a component has no code. The same bytes would be refused the next time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// It is cut off, or not valid, or larger inside than there are places for.
    #[error("it does not compile: {0}")]
    Invalid(String),
    /// Its compiler has no more memory.
    #[error("it takes more memory to compile than there is")]
    OutOfMemory,
    /// Its compiler was ended over its memory.
    #[error("it takes more than {} MiB of memory to compile", .0 / (1024 * 1024))]
    Memory(u64),
    /// Its compiler was ended over its processor time.
    #[error("it takes more than {0} s of processor time to compile")]
    Cpu(u64),
    /// Its code is too large to be kept.
    #[error("its machine code has {0} bytes, and {EXTENSION_CODE_BYTES_MAX} is the most")]
    TooMuchCode(u64),
    /// What a compiler's process says of it.
    #[error("{0}")]
    Told(String),
    /// The compiler has a fault, which this component finds.
    #[error("the compiler breaks off over it: {0}")]
    Broken(String),
}

/// Compiles, in this process, with an engine that can. What a fault of the compiler says is bounded like every sentence.
pub(crate) fn compile(engine: &wasmtime::Engine, component: &[u8]) -> Result<Vec<u8>, Refusal> {
    let compiled = catch_unwind(AssertUnwindSafe(|| engine.precompile_component(component)));
    let code = compiled.map_err(|panic| Refusal::Broken(said(panic.as_ref())))?.map_err(|error| {
        match error.is::<OutOfMemory>() {
            true => Refusal::OutOfMemory,
            false => Refusal::Invalid(bounded(&error)),
        }
    })?;
    match code.len() as u64 {
        bytes if bytes > EXTENSION_CODE_BYTES_MAX as u64 => Err(Refusal::TooMuchCode(bytes)),
        _ => Ok(code),
    }
}

/// An error of the engine, as a sentence.
pub(crate) fn bounded(error: &wasmtime::Error) -> String {
    format!("{error:#}").chars().take(EXTENSION_SENTENCE_CHARS_MAX).collect()
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    said.unwrap_or("it panicked").chars().take(EXTENSION_SENTENCE_CHARS_MAX).collect()
}
