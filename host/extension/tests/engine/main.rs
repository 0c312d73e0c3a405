//! The engine from outside: small guests, written by hand, that behave and that do not.

mod cancel;
mod capabilities;
mod guest;
mod host;
mod hostile;
mod linking;
mod sandbox;
mod trust;
mod wit;
