//! Events: facts in the log.

use jiff::Timestamp;
use serde_json::Value;

use crate::{Actor, Cause, Seq, SessionId, TurnId};

/// An event that is about to be written. The log gives it its [`Seq`].
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// What happened: `app_server.turn.completed`, `approval_resolved`, ….
    pub kind: String,
    /// The session it concerns; `None` concerns everybody.
    pub session: Option<SessionId>,
    /// The turn it concerns.
    pub turn: Option<TurnId>,
    /// What there is to say about it. The stream's frames are views of this.
    pub payload: Value,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it, where it was somebody.
    pub actor: Option<Actor>,
    /// The event that caused it, where one did.
    pub caused_by: Option<Seq>,
    /// How many causes lie behind it.
    pub hops: u8,
}

impl NewEvent {
    /// An event of the host's own making, or of the child's, that no other event caused.
    pub fn new(kind: impl Into<String>, session: Option<SessionId>, payload: Value, at: Timestamp) -> Self {
        Self { kind: kind.into(), session, turn: None, payload, at, actor: None, caused_by: None, hops: 0 }
    }

    /// The same event, told of a turn.
    #[must_use]
    pub fn of_turn(mut self, turn: Option<TurnId>) -> Self {
        self.turn = turn;
        self
    }

    /// The same event, done by somebody.
    #[must_use]
    pub fn by(mut self, actor: Actor) -> Self {
        self.actor = Some(actor);
        self
    }

    /// The same event, one step further from where it all began than what caused it.
    #[must_use]
    pub fn because(mut self, cause: Option<Cause>) -> Self {
        self.caused_by = cause.map(|cause| cause.seq);
        self.hops = cause.map_or(0, |cause| cause.hops.saturating_add(1));
        self
    }
}

/// An event in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its place.
    pub seq: Seq,
    /// What happened.
    pub kind: String,
    /// The session it concerns; `None` concerns everybody.
    pub session: Option<SessionId>,
    /// The turn it concerns.
    pub turn: Option<TurnId>,
    /// What there is to say about it; `None` once it was deleted. The number stays.
    pub payload: Option<Value>,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it, where it was somebody.
    pub actor: Option<Actor>,
    /// The event that caused it, where one did.
    pub caused_by: Option<Seq>,
    /// How many causes lie behind it.
    pub hops: u8,
    /// Whether its session was a worker's when it was written. It is for those who ask for that session by name.
    pub of_worker: bool,
}
