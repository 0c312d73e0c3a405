//! What holds for every engine: for the one that runs, and for the one that compiles for it.

use std::hash::{Hash as _, Hasher};

use super::pool;
use crate::{Digest, EngineId};

/// Everything that code depends on, and no way to make places. An engine that runs and the one that compiles for it begin
/// with the same.
pub(super) fn shared(pooled: bool) -> wasmtime::Config {
    let mut settings = wasmtime::Config::new();
    settings
        .epoch_interruption(true)
        // No interface of ours is async to the guest; without it a call is a plain switch of stacks.
        .concurrency_support(false)
        // The same inputs give the same outputs, bit for bit, on every machine.
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Enable);
    if !pooled {
        pool::spare(&mut settings);
    }
    settings
}

/// An engine that compiles, for engines that run with a pool or without one. It sets no address space aside.
pub(crate) fn compiling(pooled: bool) -> wasmtime::Result<wasmtime::Engine> {
    wasmtime::Engine::new(&shared(pooled))
}

/// Which code an engine can run: what that one compiles.
pub(crate) fn identity(compiling: &wasmtime::Engine) -> EngineId {
    let mut written = Written(Vec::new());
    compiling.precompile_compatibility_hash().hash(&mut written);
    EngineId(Digest::of(&written.0))
}

/// Everything that was hashed, so that a digest can be made of it.
struct Written(Vec<u8>);

impl Hasher for Written {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}
