//! The compiler: who turns a component into machine code, and within which bounds.
//!
//! Compiling is work on bytes that nobody has run, and the compiler can neither be interrupted nor bounded from inside. So
//! a process of its own does it, which limits itself before it reads a byte of the component and is killed when nobody
//! wants its answer any more:
//!
//! ```text
//! host ── request, component ─► stdin    the process: limits on itself, then the component, then the compiler
//!      ◄── answer, code ─────── stdout   its end without an answer is an answer too (`process`)
//! ```
//!
//! The host holds stdin open for as long as it wants an answer; when that closes, whoever closed it, the process ends.

mod child;
mod fault;
mod process;
mod refusal;
mod wire;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use codex_manager_model::limits;
use serde::{Deserialize, Serialize};

pub use child::compiler_main;
pub use fault::CompileFault;
pub(crate) use refusal::{Refusal, compile};

use crate::Engine;
use crate::code::Part;
use wire::Request;

/// Who compiles.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// A process for each component, which limits itself.
    Process {
        /// The program: one that calls [`compiler_main`] when it is given these arguments, of the same build as this one.
        /// `/proc/self/exe` is this one, also while its file is being replaced.
        program: PathBuf,
        /// Its arguments.
        arguments: Vec<OsString>,
    },
    /// A thread of this process. **Nothing limits it**, and it cannot be stopped: for tests, and for components that are
    /// the embedder's own.
    InProcess,
}

/// Within which bounds one component is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompileLimits {
    /// How much address space its process has, in bytes.
    pub memory_bytes: u64,
    /// How much processor time it has, in seconds.
    pub cpu_seconds: u64,
    /// After how long it is taken for one that hangs. That says nothing of the component, so it is generous.
    pub wall: Duration,
}

impl CompileLimits {
    /// Those of small components, which are compiled in a lane of their own.
    pub const SMALL: Self = Self {
        memory_bytes: limits::EXTENSION_COMPILE_SMALL_MEMORY_BYTES,
        cpu_seconds: limits::EXTENSION_COMPILE_SMALL_CPU_SECONDS,
        wall: limits::EXTENSION_COMPILE_WALL,
    };
    /// Those of all others.
    pub const LARGE: Self = Self {
        memory_bytes: limits::EXTENSION_COMPILE_MEMORY_BYTES,
        cpu_seconds: limits::EXTENSION_COMPILE_CPU_SECONDS,
        wall: limits::EXTENSION_COMPILE_WALL,
    };
}

/// Why nothing was compiled.
pub(crate) enum Uncompiled {
    /// Because of the component. It would be so the next time too.
    Refused(Refusal),
    /// Because of the host.
    Fault(CompileFault),
}

impl Compiler {
    /// Compiles a component for the engine, and writes its code to `part`.
    pub(crate) async fn compile(
        &self,
        engine: &Engine,
        limits: CompileLimits,
        component: Bytes,
        part: &mut Part,
    ) -> Result<(), Uncompiled> {
        match self {
            Self::Process { program, arguments } => {
                let request = Request {
                    engine: engine.id(),
                    pooled: engine.is_pooled(),
                    limits,
                    component_bytes: component.len() as u64,
                };
                process::compile(program, arguments, &request, component, part).await
            }
            Self::InProcess => {
                let engine = engine.compiling()?;
                let compiled = tokio::task::spawn_blocking(move || compile(&engine, &component)).await;
                let code = compiled.map_err(|_| CompileFault::Panicked)??;
                part.write(&code).await.map_err(Uncompiled::from)
            }
        }
    }
}

impl From<Refusal> for Uncompiled {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<CompileFault> for Uncompiled {
    fn from(fault: CompileFault) -> Self {
        Self::Fault(fault)
    }
}
