//! Ids. Each kind is its own type, so that a turn's id cannot be passed as a session's.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::InteractionKind;

/// Declares an id that is opaque text on the wire and in the store.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps text that was made elsewhere: by the child, by a client, or by an earlier run.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The id as it is written on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// Gives an id that we make ourselves a constructor; UUIDv7 sorts by the time it was made.
macro_rules! fresh_id {
    ($name:ident, $prefix:literal) => {
        impl $name {
            #[doc = concat!("Makes an id that has never been used before: `", $prefix, "` and a UUIDv7.")]
            pub fn fresh() -> Self {
                Self(format!(concat!($prefix, "{}"), Uuid::now_v7().simple()))
            }
        }
    };
}

text_id!(
    /// A session: our durable record of one Codex thread. It *is* the thread's id, chosen by Codex.
    SessionId
);
text_id!(
    /// A turn of a thread, chosen by Codex.
    TurnId
);
text_id!(
    /// An item of a turn, chosen by Codex; unique within its thread.
    ItemId
);
text_id!(
    /// A request of the child that waits for an answer: `apr_…`, `inp_…` or `call_…`. Ours, and never used twice: the
    /// child's own request ids start at 0 again after a restart.
    InteractionId
);
text_id!(
    /// One thing to be done by the child, recorded in the outbox before it is sent.
    OperationId
);
text_id!(
    /// One run of an extension's handler.
    InvocationId
);
text_id!(
    /// A project: a name for sessions that belong together.
    ProjectId
);
text_id!(
    /// A bearer token (the name of it, not its secret).
    TokenId
);
text_id!(
    /// One life of the child process. A reply carries the generation that asked, and is void once that is gone.
    Generation
);
text_id!(
    /// The lineage of an event log. A restored log has a new one, so an old cursor cannot be mistaken for a valid one.
    Epoch
);

fresh_id!(OperationId, "op_");
fresh_id!(InvocationId, "inv_");
fresh_id!(ProjectId, "prj_");
fresh_id!(TokenId, "tok_");
fresh_id!(Generation, "gen_");
fresh_id!(Epoch, "");

impl InteractionId {
    /// Makes an id that has never been used before: a prefix that tells its kind, and a UUIDv7.
    pub fn fresh(kind: InteractionKind) -> Self {
        let prefix = match kind {
            InteractionKind::Approval => "apr_",
            InteractionKind::ToolInput => "inp_",
            InteractionKind::ToolCall => "call_",
        };
        Self(format!("{prefix}{}", Uuid::now_v7().simple()))
    }

    /// Whether it is of the form that [`Self::fresh`] gives it. That says nothing of whether there is one.
    pub fn is_well_formed(&self) -> bool {
        let (_, number) = self.0.split_once('_').unwrap_or_default();
        let known = ["apr_", "inp_", "call_"].iter().any(|prefix| self.0.starts_with(prefix));
        known && number.len() == 32 && number.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    }
}

/// The place of an event in the log: dense, from 1, in the order of commits. 0 is "before everything".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The place right after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
