//! What can go wrong in a use case, in meanings. Status numbers belong to the HTTP edge, exit codes to the command line.

use std::time::Duration;

use serde_json::{Map, Value, json};

/// What kind of "no" it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The request itself is wrong.
    Invalid,
    /// Nobody showed a valid token.
    Unauthenticated,
    /// The bearer may not do this.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// There was such a thing; it is gone for good.
    Gone,
    /// It does not fit the state that things are in.
    Conflict,
    /// The child does not have what is asked for.
    Unsupported,
    /// The child refused, or answered what nobody understands.
    Upstream,
    /// Not now; again after [`Error::retry_after`].
    Unavailable,
    /// The disk is full.
    Full,
    /// It was sent, and no answer came in time.
    Timeout,
    /// A fault of our own.
    Internal,
}

/// A use case that did not happen, or of which nobody knows whether it did ([`Kind::Timeout`]).
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Error {
    /// What kind of "no".
    pub(crate) kind: Kind,
    /// The stable word for this case, as clients match it.
    pub(crate) code: &'static str,
    /// The reference's coarse word: `error`, `not_found`, `no_active_turn`, ….
    pub(crate) status: &'static str,
    /// One sentence that names the thing. Goes to clients: no paths of ours, no SQL, no secrets.
    pub(crate) message: String,
    /// The next step.
    pub(crate) hint: Option<String>,
    /// Ids and the like, as further members of the answer.
    pub(crate) context: Map<String, Value>,
    /// When to try again.
    pub(crate) retry_after: Option<Duration>,
    /// What happened below. Goes to the log only.
    #[source]
    pub(crate) source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` with its code and its sentence; the coarse word is `error`.
    pub(crate) fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            code,
            status: "error",
            message: message.into(),
            hint: None,
            context: Map::new(),
            retry_after: None,
            source: None,
        }
    }

    /// A thing that is not there, named by the member that would hold its id.
    pub(crate) fn not_found(code: &'static str, member: &'static str, id: &str) -> Self {
        Self::new(Kind::NotFound, code, format!("there is no {} {id}", noun(member)))
            .status("not_found")
            .with(member, id)
    }

    /// A request with a member that will not do.
    pub(crate) fn invalid(member: &str, message: &str) -> Self {
        Self::new(Kind::Invalid, "invalid_request", "request validation failed")
            .with("issues", json!([{ "path": [member], "code": "custom", "message": message }]))
    }

    /// A fault of our own; `source` is logged and never shown.
    pub(crate) fn internal(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        let mut error = Self::new(Kind::Internal, "internal_error", "internal server error");
        error.source = Some(Box::new(source));
        error
    }

    /// Sets the reference's coarse word.
    #[must_use]
    pub(crate) fn status(mut self, status: &'static str) -> Self {
        self.status = status;
        self
    }

    /// Adds a member to the answer.
    #[must_use]
    pub(crate) fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.context.insert(member.to_owned(), value.into());
        self
    }

    /// Says what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub(crate) fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }
}

/// `sessionId` speaks of a session.
fn noun(member: &str) -> &str {
    member.strip_suffix("Id").unwrap_or(member)
}

impl From<codex_manager_store::Error> for Error {
    fn from(error: codex_manager_store::Error) -> Self {
        match error {
            codex_manager_store::Error::Full => {
                Self::new(Kind::Full, "storage_full", "the disk that holds the data folder is full")
                    .hint("make room, then try again; nothing was changed")
            }
            other => Self::internal(other),
        }
    }
}
