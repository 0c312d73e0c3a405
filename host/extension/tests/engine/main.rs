//! The engine from outside: small guests, written by hand, that behave and that do not.

mod bomb;
mod cancel;
mod capabilities;
mod compiling;
mod guest;
mod host;
mod hostile;
mod linking;
mod sandbox;
mod trust;
mod wit;
