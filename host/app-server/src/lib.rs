//! A supervisor for `codex app-server`.
//!
//! [`Config::build`] starts the child, contained where the machine allows it, and gives two things: an [`AppServer`] to
//! call and answer it through, and [`Signals`], what it says by itself. A child that ends is started again with a
//! growing delay; each life is a [`Generation`](codex_manager_model::Generation), and a reply reaches only the life that asked.
//!
//! It keeps nothing, decides no approval and knows no store: whoever embeds it does. It speaks newline-delimited JSON
//! over pipes and no other transport.

mod app_server;
mod backoff;
mod call_error;
mod child;
pub mod classify;
mod config;
mod connection;
mod contain;
mod environment;
mod handshake;
mod identity;
mod jitter;
mod kernel;
mod launch;
mod leftovers;
mod life;
mod lines;
mod message;
mod mount_table;
mod mounts;
mod noise;
pub mod normalize;
mod outbound;
mod pending;
mod probe;
mod processes;
mod program;
pub mod protocol;
mod pulse;
mod reader;
mod recipe;
mod remains;
mod reply;
mod shared;
mod signals;
mod silence;
mod state;
mod stderr;
mod supervisor;
mod timeouts;
mod version;

pub use app_server::AppServer;
pub use backoff::Backoff;
pub use call_error::CallError;
pub use config::{BuildError, ClientInfo, Config};
pub use contain::{Containment, ContainmentPolicy};
pub use environment::Environment;
pub use jitter::Jitter;
pub use leftovers::{Leftover, MARKER_VARIABLE, leftovers};
pub use reply::{Reply, ReplyError};
pub use signals::{Signal, Signals};
pub use state::{ChildState, Contained, Exit, Phase};
pub use timeouts::Timeouts;
pub use version::{VERSION_MIN, Version};
