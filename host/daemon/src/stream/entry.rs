//! What the ring and the readers hold: one row of the log, or one event beside it, as finished frames.

use axum::extract::ws::Utf8Bytes;
use codex_manager_model::{Seq, SessionId};

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
    /// Whether it reaches those who asked for other sessions only.
    pub(crate) broadcast: bool,
}

impl Entry {
    /// The frames that somebody with this filter gets.
    pub(crate) fn frames_for(&self, filter: &Filter) -> impl Iterator<Item = &Frame> {
        let all = filter.wants(self.session.as_ref());
        self.frames.iter().filter(move |frame| all || frame.broadcast)
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
