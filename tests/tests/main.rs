//! The tests of the daemon from outside: one binary, so that linking is paid once. One module a story.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

mod bad_requests;
mod bad_starts;
mod child_asks;
mod child_dies;
mod child_hangs;
mod child_speaks;
mod child_versions;
mod embedding;
mod extensions_api;
mod extensions_decide;
mod full_disk;
mod hostile_guests;
mod invariants;
mod kill_cycles;
mod offline;
mod other_languages;
mod sandbox;
mod scripted_model;
mod stage;
mod story_child_killed;
mod story_crashes;
mod story_hostile_extension;
mod story_restart;
mod story_secrets;
mod story_turns;
mod supervisor;
mod transcripts;
