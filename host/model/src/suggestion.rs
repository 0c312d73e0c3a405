//! Suggestions of what to say next.

use jiff::Timestamp;

use crate::ItemStatus;

/// What was suggested as the next message of a session, so far or for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// Names the request for it within its session.
    pub key: String,
    /// Where it stands. What has ended does not begin again.
    pub status: ItemStatus,
    /// The text.
    pub suggestion: Option<String>,
    /// Why there is none.
    pub error: Option<String>,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
