//! What can go wrong in a use case, in meanings. Status numbers belong to the HTTP edge, exit codes to the command line.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::code::{self, Code};

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
    /// The body is longer than any may be.
    TooLarge,
    /// The address is longer than any may be.
    AddressTooLong,
    /// The head of the request is larger than any may be.
    HeadTooLarge,
    /// The body came too slowly.
    TooSlow,
    /// The body is of a kind that is not taken.
    WrongMedia,
    /// The thing is there and does not answer this method.
    WrongMethod,
    /// The request was meant for another host.
    Misdirected,
    /// More requests than are taken in a while.
    TooMany,
    /// It may not be changed here.
    Locked,
    /// It is not the request that it says it is.
    Mismatch,
}

/// A use case that did not happen, or of which nobody knows whether it did ([`Kind::Timeout`]).
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Error {
    /// What kind of "no".
    pub(crate) kind: Kind,
    /// Which case it is.
    pub(crate) code: &'static Code,
    /// A coarse word for clients that know no codes: `error`, `not_found`, `no_active_turn`, ….
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
    /// An error with its code and its sentence; it is of the code's first kind, and the coarse word is `error`.
    pub(crate) fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Self {
            kind: code.kinds[0],
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
    pub(crate) fn not_found(code: &'static Code, member: &'static str, id: &str) -> Self {
        Self::new(code, format!("there is no {} {id}", noun(member))).status("not_found").with(member, id)
    }

    /// A request with a member that will not do.
    pub(crate) fn invalid(member: &str, message: &str) -> Self {
        Self::invalid_at(&[member], message)
    }

    /// The same for a member inside of others.
    pub(crate) fn invalid_at(path: &[&str], message: &str) -> Self {
        Self::new(code::INVALID_REQUEST, "request validation failed")
            .with("issues", json!([{ "path": path, "code": "custom", "message": message }]))
    }

    /// A fault of our own; `source` is logged and never shown.
    pub(crate) fn internal(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        let mut error = Self::new(code::INTERNAL_ERROR, "internal server error");
        error.source = Some(Box::new(source));
        error
    }

    /// Another kind that this code can be of.
    #[must_use]
    pub(crate) fn of_kind(mut self, kind: Kind) -> Self {
        debug_assert!(self.code.kinds.contains(&kind), "{} is never told as {kind:?}", self.code.word);
        self.kind = kind;
        self
    }

    /// Sets the coarse word.
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

    /// Adds every member of what would have been answered.
    #[must_use]
    pub(crate) fn with_members(mut self, answer: &impl Serialize) -> Self {
        if let Ok(Value::Object(members)) = serde_json::to_value(answer) {
            self.context.extend(members);
        }
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
                Self::new(code::STORAGE_FULL, "the disk that holds the data folder is full")
                    .hint("make room, then try again; nothing was changed")
            }
            other => Self::internal(other),
        }
    }
}
