//! The record of an invocation: with the event and the journal, all that a guest's answer can depend on.

use jiff::Timestamp;

/// What an invocation was made with. The same record and event show a guest the same clock and the same random numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Names the invocation.
    pub id: String,
    /// What the guest's clock says at the start.
    pub at: Timestamp,
    /// What its random numbers are made from. To be drawn from a source that nobody can guess.
    pub seed: [u8; 32],
}
