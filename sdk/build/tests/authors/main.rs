//! What an author meets, tried with sources of authors: the guard, and small guests of the Rust SDK.

mod guard;
mod here;
mod mistakes;
mod sdk;
