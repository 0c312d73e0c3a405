//! Programs that the daemon needs and the user may not have: found where they are, else fetched into a folder of our own.
//!
//! There is one, Codex. What is fetched is pinned by digest and put in place by one rename, so that a half of it is never
//! found. This installs nothing system-wide and never updates what is there; a newer pin is a folder of its own.

mod codex;
mod error;
mod npm;
mod progress;

pub use codex::{Codex, Origin, Tool, VERSION};
pub use error::ToolError;
pub use progress::Progress;
