//! A host for sandboxed WebAssembly extensions.
//!
//! An extension is a component that is told of events and answers with a group of actions. This crate reads what one
//! asks for, keeps what a person has granted, runs it in a sandbox with exactly that, and decides whose actions apply.
//! Which events, actions and capabilities there are is registered by whoever embeds it ([`Registry`]); none is built in.
//!
//! ```text
//! drop folder ─► folder::scan ─► Review: a person says yes to a digest ─► Lock: the approved copy, and its grants
//! copy ─► CompiledCode::prepare ─► Linked::new, with what was granted ─► on_event ─► Invoked: a group, or a Failure
//! events ─► dispatch: who is told, in which order, and whose group applies ─► Host::commit
//! ```
//!
//! It performs nothing: actions and buffered writes come out as values, and the embedder commits them.

mod action;
mod anatomy;
pub mod capability;
mod claim;
mod code;
mod compiler;
mod component;
mod digest;
mod disk;
pub mod dispatch;
mod effects;
mod engine;
mod event;
mod exceeded;
mod extension_id;
mod failure;
#[cfg(test)]
mod fixture;
pub mod folder;
mod grant;
mod interface;
mod invocation;
mod invoke;
mod journal;
mod limiter;
mod limits;
mod linked;
mod listing;
mod lock;
mod log_lines;
mod manifest;
mod meter;
mod nearest;
mod record;
mod registry;
mod review;
mod shape;
mod visible;
mod vocabulary;
mod wasi;

pub use action::Action;
pub use anatomy::{Anatomy, AnatomyError};
pub use capability::Capability;
pub use claim::{Claim, ClaimRule, Verdict};
pub use code::{CodeConfig, CodeLedger, CodeVerdict, CompiledCode, FileLedger, LedgerError, MemoryLedger, Progress};
pub use compiler::{CompileFault, CompileLimits, Compiler, compiler_main};
pub use component::{Component, ComponentError};
pub use digest::{Digest, DigestError};
pub use effects::Effects;
pub use engine::{Allocation, Config, Engine, EngineError, EngineId};
pub use event::{Event, Header};
pub use extension_id::{ExtensionId, ExtensionIdError};
pub use failure::{Failure, FailureKind};
pub use folder::{Candidate, DropFault, Dropped, Offer};
pub use grant::{Change, Grants, HandlerGrant, Part};
pub use interface::{Interface, InterfaceError};
pub use invocation::{Granted, Invocation};
pub use invoke::Invoked;
pub use journal::JournalEntry;
pub use limits::Limits;
pub use linked::{LinkError, Linked};
pub use listing::{Listed, RunningVersion, State, list};
pub use lock::{Approved, ApprovedCopy, ApprovedVersion, Copies, Lock, LockError, Standing};
pub use log_lines::{Level, LogLine};
pub use manifest::{
    CapabilityRequest, Handler, LimitRequest, MANIFEST_FILE, Manifest, ManifestError, Problem, Setting, SettingError,
};
pub use record::Record;
pub use registry::Registry;
pub use review::{Ask, Heard, Limit, News, Review, Settable};
pub use shape::Shape;
pub use visible::is_visible;
pub use vocabulary::{ActionKind, CapabilityKind, EventKind, Package, Vocabulary, VocabularyError, Wider};
/// The engine below, of the version that a [`Capability`] is linked with.
pub use wasmtime;
