//! Which sessions a reader wants to hear of.

use std::collections::HashSet;

use codex_manager_model::SessionId;

/// The sessions a reader asked for; everything unless it did. Broadcasts reach it in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    threads: Option<HashSet<SessionId>>,
}

impl Filter {
    /// Everything.
    pub(crate) fn everything() -> Self {
        Self::default()
    }

    /// These sessions only.
    pub(crate) fn threads(threads: impl IntoIterator<Item = SessionId>) -> Self {
        Self { threads: Some(threads.into_iter().collect()) }
    }

    /// Whether an event of this session is for the reader. One of no session is for those who asked for everything.
    pub(super) fn wants(&self, session: Option<&SessionId>) -> bool {
        self.threads.as_ref().is_none_or(|threads| session.is_some_and(|session| threads.contains(session)))
    }
}
