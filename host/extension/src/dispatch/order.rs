//! What dispatch is told, and what it says is to be done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use codex_manager_model::Seq;

use super::{Rank, Settled};
use crate::{Action, Digest, Event, ExtensionId, Failure, FailureKind};

/// An event, as dispatch sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurrence {
    /// What the handlers are told.
    pub event: Event,
    /// The extension that caused it, where one did.
    pub by: Option<ExtensionId>,
    /// For an event that asks a question: whether nobody has answered it yet.
    pub pending: bool,
    /// How often each extension has begun with it in an earlier life of the host and not finished.
    pub begun: BTreeMap<ExtensionId, u32>,
}

/// One handler told of one event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seat {
    /// The event.
    pub seq: Seq,
    /// The handler.
    pub rank: Rank,
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// A handler is to be called; what it comes to goes to [`Dispatch::answered`](super::Dispatch::answered).
    Run(Run),
    /// The outcome is to be recorded with its mark, and its group applied, in one transaction; what came of it goes to
    /// [`Dispatch::committed`](super::Dispatch::committed). They are to be applied in the order in which they are given.
    Settle(Settle),
    /// An extension has failed too often, and its quarantine is to be made durable.
    Quarantine(Quarantine),
    /// An extension has fallen behind and has room again: the log is to be read for it, and what it says goes to
    /// [`Dispatch::caught_up`](super::Dispatch::caught_up).
    Read(Read),
}

/// A call of a handler.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Which event, and whose handler.
    pub seat: Seat,
    /// The code to run.
    pub digest: Digest,
    /// The handler's name.
    pub handler: String,
    /// What it is told.
    pub occurrence: Arc<Occurrence>,
    /// The longest it may take, if that is less than usual.
    pub wall: Option<Duration>,
}

/// A look at the log for one extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// For whom.
    pub extension: ExtensionId,
    /// It has been told of everything up to here.
    pub after: Seq,
}

/// What follows in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The next events, in order.
    pub events: Vec<Occurrence>,
    /// There are no others up to here.
    pub end: Seq,
}

/// The end of a call, to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Settle {
    /// Which event, and whose handler.
    pub seat: Seat,
    /// What becomes of its answer.
    pub settled: Settled,
}

/// An end to calls of an extension, as long as it is this code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// Which.
    pub extension: ExtensionId,
    /// The code that has failed. What was approved in its stead has not.
    pub digest: Digest,
    /// What happened last, in a sentence.
    pub reason: String,
}

/// What a call came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Answered {
    /// The handler returned these actions.
    Actions(Vec<Action>),
    /// It did not.
    Failed {
        /// What happened, in a sentence.
        sentence: String,
        /// Whether it speaks against the extension, and so counts towards its quarantine.
        fatal: bool,
    },
    /// The host could not call it. That is nobody's fault, and it is tried again later.
    Unavailable {
        /// What the host could not do, in a sentence.
        sentence: String,
    },
}

impl From<Result<Vec<Action>, Failure>> for Answered {
    fn from(outcome: Result<Vec<Action>, Failure>) -> Self {
        match outcome {
            Ok(actions) => Self::Actions(actions),
            Err(Failure { kind: FailureKind::Host, sentence, .. }) => Self::Unavailable { sentence },
            Err(failure) => Self::Failed { fatal: failure.kind.is_fatal(), sentence: failure.sentence },
        }
    }
}
