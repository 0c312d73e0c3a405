//! The store, seen from outside: what it promises to those who only know its public API.

#![expect(clippy::unwrap_used, reason = "in a test, and in what tests share, a surprise is a failure")]

mod aggregates;
mod approvals;
mod ephemeral;
mod fixture;
mod full;
mod group_commit;
mod invocations;
mod kv;
mod lock;
mod log;
mod marks;
mod opening;
mod operations;
mod retention;
mod transcripts;
mod whole_groups;
