//! `codex-manager:log`: lines for whoever looks after the extension.

use semver::Version;
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use crate::{Capability, CapabilityKind, Invocation, Package};

/// The capability `log`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Log;

impl Capability for Log {
    fn name(&self) -> &str {
        "log"
    }

    fn kind(&self) -> CapabilityKind {
        CapabilityKind {
            package: Package::new("codex-manager:log", Version::new(1, 0, 0)),
            sentence: "write lines to its own log".to_owned(),
            parameters: Default::default(),
            wider: Vec::new(),
        }
    }

    fn link(&self, linker: &mut Linker<Invocation>) -> wasmtime::Result<()> {
        linker.instance("codex-manager:log/lines@1.0.0")?.func_wrap(
            "write",
            |mut store: StoreContextMut<'_, Invocation>, (level, message): (String, String)| {
                store.data_mut().log(level.parse().unwrap_or_default(), &message)
            },
        )
    }
}
