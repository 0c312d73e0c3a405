//! What the ring and the readers hold: one row of the log, or one event beside it, as finished frames.

use axum::extract::ws::Utf8Bytes;
use codex_manager_model::{Seq, SessionId};
use serde_json::value::RawValue;

use super::Filter;

/// What an entry costs besides the text of its frames, in bytes, about.
const ENTRY_OVERHEAD_BYTES: usize = 128;

/// One event as frames.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Where it stands.
    pub(crate) place: Place,
    /// The session it concerns.
    pub(crate) session: Option<SessionId>,
    /// Whether that is a worker's.
    pub(crate) of_worker: bool,
    /// Its views, in the order in which they are sent. Never empty.
    pub(crate) frames: Vec<Frame>,
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is this row of the log.
    Row(Seq),
    /// It is no row; it is told after this one.
    Beside(Seq),
}

/// One message to a client. Cloning it shares the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The type in it.
    pub(crate) name: String,
    /// The whole of it, as JSON.
    pub(crate) text: Utf8Bytes,
    /// Whom it reaches besides those who asked for its session.
    pub(crate) reach: Reach,
}

/// Whom a frame reaches besides those who asked for its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Those who asked for no session in particular.
    Session,
    /// Those who asked for other sessions too.
    Everybody,
    /// Everybody, whatever types they asked for: it is about the stream itself.
    Always,
}

impl Frame {
    /// The whole of it, to be part of another text.
    pub(super) fn raw(&self) -> Box<RawValue> {
        RawValue::from_string(self.text.to_string()).expect("a frame is JSON")
    }
}

impl Reach {
    /// Whether it reaches those who asked for other sessions.
    pub(super) fn is_broadcast(self) -> bool {
        self != Self::Session
    }
}

impl Entry {
    /// The frames that somebody with this filter gets.
    pub(crate) fn frames_for(&self, filter: &Filter) -> impl Iterator<Item = &Frame> {
        let reached = filter.reach(self.session.as_ref(), self.of_worker);
        self.frames.iter().filter(move |frame| {
            reached.has(frame.reach.is_broadcast()) && (frame.reach == Reach::Always || filter.takes(&frame.name))
        })
    }

    /// About what it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        ENTRY_OVERHEAD_BYTES + self.frames.iter().map(|frame| frame.text.len() + frame.name.len()).sum::<usize>()
    }

    /// Its row; `None` when it has none.
    pub(crate) fn row(&self) -> Option<Seq> {
        match self.place {
            Place::Row(seq) => Some(seq),
            Place::Beside(_) => None,
        }
    }
}
