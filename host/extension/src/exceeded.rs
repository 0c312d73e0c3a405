//! The limits that end an invocation, and the errors that the engine carries out of a guest for them.

/// A limit that was exceeded. It travels as the cause of a trap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Exceeded {
    #[error("it computed for longer than it may ([limits] cpu)")]
    Cpu,
    #[error("it logged more than {bytes} bytes or {lines} lines")]
    Log { bytes: usize, lines: usize },
    #[error("it called the host more than {0} times")]
    HostCalls(u32),
    #[error("it read more than {0} bytes through its capabilities")]
    Journal(usize),
    #[error("it returned more than {0} bytes")]
    Output(usize),
    #[error("it returned more than {0} actions")]
    Actions(usize),
}
