//! Why a call has no result.

use serde_json::Value;
use thiserror::Error;

use crate::Phase;

/// What went wrong with a call. [`was_written`](Self::was_written) says whether the child may have acted on it.
#[derive(Debug, Error)]
pub enum CallError {
    /// No child was ready to be called. Nothing was written.
    #[error("the app-server is {phase}")]
    NotRunning {
        /// What it was doing instead.
        phase: Phase,
    },
    /// The child died, or the time was up, before the first byte of the call went into its pipe.
    #[error("the call was not written to the app-server")]
    NotWritten,
    /// The call was written and not answered in time. A late answer is ignored.
    #[error("`{method}` was not answered in time")]
    TimedOut {
        /// The method called.
        method: String,
    },
    /// The call was written, at least in part, and the child died before it answered.
    #[error("the app-server died before it answered `{method}`")]
    Gone {
        /// The method called.
        method: String,
    },
    /// The child refused the call.
    #[error("`{method}` was refused with {code}: {message}")]
    Rejected {
        /// The method called.
        method: String,
        /// The JSON-RPC error code. Nearly everything that is invalid is -32600 to Codex.
        code: i64,
        /// The child's own words.
        message: String,
        /// What else the child said about it.
        data: Option<Value>,
    },
    /// The child answered with something that is not this method's result.
    #[error("the answer to `{method}` was not understood")]
    Malformed {
        /// The method called.
        method: String,
        /// What was not understood.
        source: serde_json::Error,
    },
}

impl CallError {
    /// Whether the child may have acted on the call. `false` means that it certainly did not see all of it.
    pub const fn was_written(&self) -> bool {
        match self {
            Self::NotRunning { .. } | Self::NotWritten => false,
            Self::TimedOut { .. } | Self::Gone { .. } | Self::Rejected { .. } | Self::Malformed { .. } => true,
        }
    }
}
