//! What the tests of the daemon are made with: fresh homes, daemons as processes, clients, and the words of the scripted
//! app-server.
//!
//! A test starts a daemon with [`Launch`] on a [`Home`], drives it through [`Api`], [`Socket`] and [`Events`] as any
//! client would, and looks at [`Process`]es and at what the stand-in received. Everything waits for conditions with a
//! deadline and panics with what was waited for. Nothing here knows the daemon's insides.

mod api;
mod arrow;
mod codex;
mod daemon;
mod deadline;
mod fuzz;
mod guest;
mod home;
mod npm;
mod process;
mod random;
mod script;
mod skip;
mod stream;

pub use api::{Answer, Api};
pub use arrow::{die_as_told, watch_arrows};
pub use codex::codex;
pub use daemon::{Daemon, Launch, Refusal};
pub use deadline::{PATIENCE, soon, until};
pub use fuzz::Fuzz;
pub use guest::{guest, kept};
pub use home::Home;
pub use npm::npm_ci;
pub use process::{Process, resident_kib};
pub use random::Random;
pub use script::{Fault, Moment, Rule, Script, write_whole};
pub use skip::skipped;
pub use stream::{Events, Frame, Socket, row};
