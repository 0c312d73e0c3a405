//! The durable store: the only crate that knows SQL.
//!
//! One thread writes. It drains its queue into one transaction, gives each operation a savepoint of its own, and
//! answers once all of them are on the disk together. Readers see what is committed, from a small pool of read-only
//! connections. Beside the tables stands the event log: numbered densely, in the order of commits.
//!
//! Commands and queries are typed and hold no policy: [`View`] answers, [`Tx`] changes, and what to change is decided
//! elsewhere. One noun a file; SQLite is not seen from outside. Token deltas and progress are not for the tables at
//! all: they pass through [`Ephemeral`], in memory.

mod action_keys;
mod audit;
mod backup;
mod column;
mod compiled_code;
mod config;
mod cursors;
mod database;
mod defaults;
mod deletion;
mod ephemeral;
mod error;
mod events;
mod folder;
mod interactions;
mod invocations;
mod items;
mod kv;
mod lock;
mod marks;
mod open_error;
mod operation;
mod operations;
mod projects;
mod readers;
mod request_keys;
mod retention;
mod schema;
mod sessions;
mod stats;
mod store;
mod suggestions;
mod tokens;
mod tombstones;
mod transcripts;
mod turns;
mod tx;
mod view;
mod writer;

pub use backup::{BackupFile, RestoreError, restore};
pub use compiled_code::CompiledCode;
pub use config::Config;
pub use cursors::Cursor;
pub use database::sqlite_version;
pub use ephemeral::{Ephemeral, EphemeralEvent, EphemeralReader, Lagged};
pub use error::Error;
pub use events::EventBounds;
pub use interactions::{ExpireScope, InteractionQuery};
pub use invocations::InvocationQuery;
pub use items::{ItemOutline, ItemPlace};
pub use lock::{Lock, LockError, LockHolder};
pub use open_error::OpenError;
pub use request_keys::{KeptAnswer, KeyedRequest, RequestStep};
pub use retention::{Pruned, Retention};
pub use schema::Alteration;
pub use sessions::SessionQuery;
pub use stats::Stats;
pub use store::Store;
pub use transcripts::{EntryOutline, EntryPlace};
pub use tx::Tx;
pub use view::View;
