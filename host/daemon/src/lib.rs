//! Codex Manager: a local-first control plane for Codex.
//!
//! The daemon supervises one `codex app-server`, records what it says in a durable log, and offers it over REST and a
//! resumable event stream. This crate is the top floor: it joins the [store](codex_manager_store) with the
//! [app-server](codex_manager_app_server), and neither knows of the other.
//!
//! ```text
//! child ─► intake ─► store (state + event, one transaction) ─► stream ─► clients
//! client ─► http ─► service ─► outbox (recorded first) ─► child
//! ```
//!
//! The command line is the first user of [`Daemon::builder`]; another program may be the second:
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let daemon = codex_manager::Daemon::builder()
//!     .data_folder("/var/lib/example")      // the bearer token will be in the file `token` there
//!     .codex_home("/var/lib/example-codex") // without one the child finds its own
//!     .codex("codex")                       // from PATH
//!     .listen(([127, 0, 0, 1], 0).into())   // any port that is free
//!     .build()
//!     .await?;
//! if let Some(address) = daemon.address() {
//!     println!("listening on http://{address}");
//! }
//! let stop = daemon.shutdown_handle();
//! tokio::spawn(async move {
//!     tokio::signal::ctrl_c().await.ok();
//!     stop.shutdown();
//! });
//! daemon.run().await?;
//! # Ok(()) }
//! ```

mod backup;
mod builder;
mod claim;
pub mod cli;
mod daemon;
mod deletion;
mod demo;
mod ending;
mod extensions;
mod http;
mod intake;
mod listen;
mod login;
mod outbox;
pub mod paths;
mod reconcile;
mod replace;
mod retention;
mod secret;
mod service;
mod shell;
mod start_error;
mod storage;
mod stream;
mod thread;
pub mod tools;
mod workers;

pub use builder::Builder;
pub use codex_manager_model::{ApprovalPolicy, Clock, Controls, FilesystemSandbox, NetworkAccess, Seq};
pub use codex_manager_store::Retention;
pub use daemon::{Daemon, RunError, ShutdownHandle};
pub use http::{JwtRules, Rate, Rbac};
pub use start_error::StartError;
pub use workers::{WorkerError, Workers};
