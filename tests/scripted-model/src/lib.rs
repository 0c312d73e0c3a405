//! A model that follows a script, so that the real Codex runs whole turns offline.
//!
//! [`ScriptedModel::start`] serves the Responses API (streamed) on a free loopback port; [`codex_config`] is the
//! `config.toml` that points Codex at it. What it answers is decided by the request alone: the *script* by the last line
//! of the last user message that starts with `::`, the *step* by the number of tool outputs after that message.
//!
//! | line | what the model does |
//! | --- | --- |
//! | (none) | greets and repeats what was said, in several deltas |
//! | `::slow <deltas> <ms>` | says `word 1 `, `word 2 `, …, each after a pause |
//! | `::hold [deltas]` | says some words, then nothing, until [`ScriptedModel::release`] or the end of the connection |
//! | `::exec <command>` | runs the command, then says `tool said: …` |
//! | `::sequence <a> ;; <b>` | runs the commands one after the other, then says what they said |
//! | `::parallel <a> ;; <b>` | asks for all the commands at once, then says what they said |
//! | `::patch <file> <text>` | adds a file of one line with `apply_patch`, then says `tool said: …` |
//! | `::tool <name> <arguments>` | calls a tool of the client with these arguments (JSON), then says `tool said: …` |
//! | `::ask <question>` | asks the user to pick red or blue, then says `tool said: …` |
//! | `::fail <status>` | refuses the request with that HTTP status |
//!
//! It is not a mock of Codex (that is the scripted app-server), and it knows nothing of models beyond this table.

mod codex_config;
mod play;
mod script;
mod server;

pub use codex_config::codex_config;
pub use server::{ScriptedModel, StartError};
