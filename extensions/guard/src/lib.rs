//! The guard: declines commands that delete whole trees.
//!
//! It hears each request for approval of a command, reads the command as a shell would, and declines it when it finds a
//! deletion whose extent the command does not name. Of everything else it says nothing, so that whoever else decides does.
//! It accepts nothing, and is no sandbox: see the README for what it never hears and cannot know.

mod answer;
mod program;
mod shell;
mod verdict;

pub use answer::answer;
pub use verdict::{Deletion, judge, judge_words};

use codex_manager_extension_sdk::{Event, Fault, Group, handler};

#[handler]
fn on_event(event: Event) -> Result<Group, Fault> {
    answer(&event)
}
