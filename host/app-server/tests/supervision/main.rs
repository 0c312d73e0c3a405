//! The supervisor seen from outside, over children that are small shell scripts.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod faults;
mod lives;
mod script;
mod writes;
