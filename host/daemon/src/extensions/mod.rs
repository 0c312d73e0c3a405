//! What joins the extension host with the log, the store, the outbox and the services.
//!
//! ```text
//! drop folders ─► shelf: pending, approved, enabled ─► follow ─► dispatch ◄─ feed ◄─ the log
//!                                                                   │
//!                           versions: compiled and linked ◄─ host ◄─┘─► commit: mark, record, kept values, effects and
//!                           kept, reader, settings: what a call reads          outbox rows, ONE transaction ─► outbox
//! ```
//!
//! The [`host`](codex_manager_extension) below decides who is told of what and whose actions apply; here it is done. An
//! extension has no way to an effect but the services': `approval.decline` is the same decision that a person makes, by
//! another actor. Where an extension stands in the log lies in the store, beside what it did; that it is about to run is
//! noted in [`begun`].
//!
//! It is not the sandbox, and it knows no routes: listing, approving and switching off are a service.

mod begun;
mod commit;
mod effect;
mod feed;
#[cfg(test)]
pub(crate) mod fixture;
mod follow;
mod host;
mod kept;
mod ledger;
mod reader;
mod record;
mod registry;
mod runner;
mod settings;
mod shelf;
mod tally;
#[cfg(test)]
mod tests;
mod versions;
mod vocabulary;

pub(crate) use runner::{Config, Runner, Status};
pub(crate) use shelf::{ApproveError, Shelf};
pub(crate) use vocabulary::vocabulary;
