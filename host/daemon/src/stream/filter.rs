//! What a reader wants to hear of.

use std::collections::HashSet;

use codex_manager_model::SessionId;

/// The sessions and the types of frames that a reader asked for; all of them unless it did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    threads: Option<HashSet<SessionId>>,
    /// How the types begin.
    types: Vec<String>,
}

/// What reaches a reader of the frames of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// All of them.
    All,
    /// Those that are for everybody.
    Broadcasts,
    /// None.
    Nothing,
}

impl Filter {
    /// Everything, but what is for those alone who ask for it by name.
    pub(crate) fn everything() -> Self {
        Self::default()
    }

    /// These sessions only, with what is for everybody.
    pub(crate) fn threads(threads: impl IntoIterator<Item = SessionId>) -> Self {
        Self { threads: Some(threads.into_iter().collect()), types: Vec::new() }
    }

    /// The same, of that only frames whose type begins with one of these; with none, all of them.
    #[must_use]
    pub(crate) fn types(mut self, types: Vec<String>) -> Self {
        self.types = types;
        self
    }

    /// What of an event reaches the reader. One of a worker's session is for those who name that session, and one of no
    /// session for those who name none.
    pub(super) fn reach(&self, session: Option<&SessionId>, of_worker: bool) -> Reached {
        match &self.threads {
            Some(threads) if session.is_some_and(|session| threads.contains(session)) => Reached::All,
            _ if of_worker => Reached::Nothing,
            Some(_) => Reached::Broadcasts,
            None => Reached::All,
        }
    }

    /// Whether the reader takes frames of this type.
    pub(super) fn takes(&self, name: &str) -> bool {
        self.types.is_empty() || self.types.iter().any(|start| name.starts_with(start.as_str()))
    }
}

impl Reached {
    /// Whether a frame is among it.
    pub(super) fn has(self, broadcast: bool) -> bool {
        match self {
            Self::All => true,
            Self::Broadcasts => broadcast,
            Self::Nothing => false,
        }
    }
}
