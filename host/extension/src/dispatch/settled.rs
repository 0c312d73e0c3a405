//! What became of an answer, and what the host says of it.

use super::{Group, Refused};
use crate::Claim;

/// What became of one handler's answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Settled {
    /// The host applies it, if it still can.
    Apply(Group),
    /// It asked for no action. What its capabilities have buffered is written.
    Abstained,
    /// Another one, or a person, has what it claims.
    NotEligible {
        /// What.
        claim: Claim,
    },
    /// It accepts what nobody but a person may accept.
    Barred {
        /// What.
        claim: Claim,
        /// Why.
        reason: String,
    },
    /// It asked for what it must not.
    Refused(Refused),
    /// It failed, with a sentence that says how.
    Failed(String),
    /// It was to decide and had not answered in time: it abstains.
    Late,
    /// It was told too late: what the event asked is no longer pending.
    Expired,
    /// It is no longer approved or enabled.
    Withdrawn,
}

/// What the host said of a group that was to be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It is done, with its mark, in one transaction; or only the mark was to be written, and is.
    Applied,
    /// What it claims was gone. Nothing was done, and the mark says so.
    NotEligible,
    /// The host cannot do what it asks for. Nothing was done, the mark says so, and others may still have what it claims.
    Refused,
    /// What it read has changed meanwhile. Nothing was done, and the handler runs again.
    Conflict,
}
