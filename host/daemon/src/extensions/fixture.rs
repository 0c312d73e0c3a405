//! Extensions for tests: as small as they can be.

use std::path::Path;
use std::sync::Arc;

use codex_manager_extension::{CodeConfig, CompiledCode, Compiler, Config, MemoryLedger, Offer};

use super::vocabulary;

/// A component that exports the handler of events, which takes nothing and does nothing, and this at its end.
pub(crate) fn component(end: &str) -> Vec<u8> {
    let text = r#"(component
      (core module $m (func (export "f")))
      (core instance $i (instantiate $m))
      (func $handle (canon lift (core func $i "f")))
      (instance $handler (export "handle" (func $handle)))
      (export "codex-manager:on-event/handler@1.0.0" (instance $handler)))"#;
    let length = |bytes: usize| u8::try_from(bytes).expect("it is short");
    let custom = [&[0, length(end.len() + 1), length(end.len())], end.as_bytes()].concat();
    [wat::parse_str(text).expect("it is well formed"), custom].concat()
}

/// Compiled code that lies below the folder, for an engine of its own.
pub(crate) async fn compiled_code(folder: &Path) -> CompiledCode {
    let engine = Config::default().build().expect("an engine");
    let config = CodeConfig::new(folder.join("compiled"), Arc::new(MemoryLedger::default()), Compiler::InProcess);
    CompiledCode::open(engine, config).await.expect("it is ours")
}

/// What an approval of this manifest, with that at the end of its component, would be about.
pub(crate) fn offer(manifest: &str, end: &str) -> Offer {
    Offer::of(manifest.as_bytes().to_vec(), component(end), &vocabulary()).expect("it is good")
}
