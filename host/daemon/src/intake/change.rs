//! What a signal of the child comes to.

use codex_manager_app_server::{Exit, Phase};
use codex_manager_model::{Generation, Interaction, Item, SessionId, TurnId};
use jiff::Timestamp;
use serde_json::Value;

use super::left_out::LeftOut;
use super::passing::Passing;

/// One consequence of a signal, in the order the signals came.
pub(super) enum Step {
    /// A state change and its row.
    Durable(Box<Change>),
    /// What leaves no row, and is told when the rows before it are committed.
    Passing(Box<Passing>),
}

impl Step {
    pub(super) fn durable(change: Change) -> Self {
        Self::Durable(Box::new(change))
    }
}

/// A state change, to be committed together with the row that tells of it. Plain data, so that it can be tried again
/// when the disk was full.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// A notification.
    Told(Told),
    /// A request for approval.
    Asked(Told, Box<Interaction>),
    /// A request that nobody here can answer: it is shown, and refused.
    Refused(Told),
    /// What an item has said so far.
    Flushed { item: Item, chars: usize, at: Timestamp },
    /// A child is ready.
    ChildReady { generation: Generation, pid: Option<u32>, at: Timestamp },
    /// A child is gone, and with it everything that only it could finish.
    ChildGone { generation: Generation, exit: Exit },
    /// No child runs.
    ChildRests { phase: Phase, last_exit: Option<Exit>, at: Timestamp },
}

/// A message of the child, with what it speaks of.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub generation: Generation,
    pub method: String,
    pub params: Value,
    /// Why events are told without the params.
    pub left_out: Option<LeftOut>,
    /// The JSON-RPC id, when it is a request.
    pub request_id: Option<Value>,
    pub session: Option<SessionId>,
    pub turn: Option<TurnId>,
    pub at: Timestamp,
}

impl Told {
    /// The params, as far as events tell them.
    pub(super) fn shown(&self) -> Option<&Value> {
        self.left_out.is_none().then_some(&self.params)
    }
}

/// A session, as events introduce it.
#[derive(Debug, Clone)]
pub(super) struct Card {
    pub session: SessionId,
    pub shown: Value,
    pub of_worker: bool,
}
