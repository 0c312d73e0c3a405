//! The order in which the handlers of one event get their turn.

use std::fmt;

use crate::ExtensionId;

/// A handler's place: by priority, then by the extension's id, then as it was registered. The smallest goes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank {
    /// Smaller goes first.
    pub priority: u16,
    /// Whose handler it is.
    pub extension: ExtensionId,
    /// Which of its handlers.
    pub registration: u32,
}

impl Rank {
    /// Whether it is the same handler, whatever its priority: an update may change that.
    pub(super) fn is_same_handler(&self, other: &Self) -> bool {
        self.extension == other.extension && self.registration == other.registration
    }
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (priority {})", self.extension, self.priority)
    }
}
