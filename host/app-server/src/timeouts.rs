//! How long the supervisor waits for what.

use std::time::Duration;

/// How long to wait. All of it is time without an answer, not a budget for the work of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the answer to a call that names no timeout of its own.
    pub call: Duration,
    /// For the handshake, from the start of the process. The slowest that was measured took half a second.
    pub handshake: Duration,
    /// For the child to take some of a line. One that reads nothing for so long hangs, and is ended.
    pub write_stall: Duration,
    /// For any line at all from a child that owes an answer. When a call times out after so long a silence, the child
    /// hangs, and is ended.
    pub silence: Duration,
    /// For any line at all from a child that lets a call wait, before it is asked something harmless; and for one after
    /// that, before it counts as [not answering](crate::ChildState::answers).
    pub pulse: Duration,
    /// For the child to end by itself after its input was closed.
    pub close: Duration,
    /// For the child to end after SIGTERM, before SIGKILL.
    pub terminate: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(120),
            handshake: Duration::from_secs(30),
            write_stall: Duration::from_secs(30),
            silence: Duration::from_secs(60),
            pulse: Duration::from_secs(5),
            close: Duration::from_secs(3),
            terminate: Duration::from_secs(2),
        }
    }
}
