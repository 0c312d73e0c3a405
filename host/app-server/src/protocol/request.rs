//! What makes parameters a call.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The parameters of a method, which know its name and its answer. See [`AppServer::request`](crate::AppServer::request),
/// which panics where they cannot be written as JSON.
pub trait Request: Serialize {
    /// The method.
    const METHOD: &'static str;
    /// Its result.
    type Answer: DeserializeOwned;
}

/// A result in which nothing is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Empty {}
