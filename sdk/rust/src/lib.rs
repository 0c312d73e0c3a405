//! What an extension of Codex Manager is written with.
//!
//! ```ignore
//! use codex_manager_extension_sdk::{Event, Fault, Group, handler};
//!
//! #[handler]
//! fn on_event(event: Event) -> Result<Group, Fault> {
//!     logic::answer(&event)
//! }
//! ```
//!
//! That is all the glue there is. [`handler`] makes the component's world from `extension.toml`: it can call what the
//! manifest declares and nothing else. A handler that needs a capability takes a second parameter, `host: &Host`; for
//! each capability in the manifest, `Host` has the trait of that name ([`Log`], [`Config`], [`Kv`], [`Sessions`]).
//!
//! The logic of an extension is best written against those traits (`fn answer(event: &Event, kv: &impl Kv)`): then it
//! is tested as any Rust is, with what [`fake`] has, and without WebAssembly.
//!
//! This crate is compiled into guests. It knows the boundary (`wit/`) and the words that the daemon speaks over it; it
//! is no part of the daemon and shares no code with it.

mod action;
mod capability;
mod event;
pub mod fake;
mod fault;
mod group;

pub use action::{Action, Row};
pub use capability::{Config, Kv, Level, Log, Sessions};
pub use codex_manager_extension_sdk_macros::handler;
pub use event::{
    Approval, ApprovalRequested, ApprovalResolved, Ask, ChangeKind, CommandLine, Event, Fact, FileChange,
    ItemCompleted, Outcome, TurnCompleted, TurnEnd,
};
pub use fault::Fault;
pub use group::Group;
pub use serde_json;

/// What the macro's expansion needs. No part of the interface.
#[doc(hidden)]
pub mod glue {
    pub use wit_bindgen;
}
