//! The store, seen from outside: what it promises to those who only know its public API.

#![expect(clippy::unwrap_used, reason = "in a test, and in what tests share, a surprise is a failure")]

mod aggregates;
mod audit;
mod backup;
mod compiled_code;
mod deletion;
mod ephemeral;
mod fixture;
mod full;
mod group_commit;
mod interactions;
mod invocations;
mod kv;
mod lock;
mod log;
mod marks;
mod opening;
mod operations;
mod projects;
mod retention;
mod suggestions;
mod transcripts;
mod upgrades;
mod whole_groups;
