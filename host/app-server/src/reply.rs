//! Answers to the child's own requests.

use serde_json::{Value, json};
use thiserror::Error;

/// An answer to a request of the child.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The request's result.
    Result(Value),
    /// A refusal.
    Error {
        /// The JSON-RPC error code.
        code: i64,
        /// Why, for the child's log and in some cases for the model.
        message: String,
    },
}

impl Reply {
    /// The reply as the message that goes to the child.
    pub(crate) fn message(self, request_id: &Value) -> Value {
        match self {
            Self::Result(result) => json!({ "id": request_id, "result": result }),
            Self::Error { code, message } => json!({ "id": request_id, "error": { "code": code, "message": message } }),
        }
    }
}

/// Why a reply did not reach the child.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ReplyError {
    /// The child that asked is gone, or went before all of the reply was in its pipe. The reply is void: it must not be
    /// given to another child, whose request ids start at 0 again.
    #[error("the reply was not written: the app-server that asked is gone")]
    NotWritten,
}
