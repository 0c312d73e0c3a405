//! Why something could not be done.

use std::fmt;

/// Why a handler could not deal with an event, or a capability could not answer.
///
/// Returned by a handler it applies nothing, and the operator reads it. The code is for programs, in lower case; the
/// message is for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of fault, such as `bad-settings`.
    pub code: String,
    /// The same for people.
    pub message: String,
}

impl Fault {
    /// A fault with this code and message.
    pub fn new(code: impl Into<String>, message: impl fmt::Display) -> Self {
        Self { code: code.into(), message: message.to_string() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Fault {}
