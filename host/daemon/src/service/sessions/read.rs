//! Reading a session: with its thread and what was said in it.

use codex_manager_model::{Session, TranscriptEntry, limits};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::Sessions;
use crate::service::Error;
use crate::service::history::{Reading, Slice};
use crate::service::summary::{SessionSummary, summary};

/// How many rows a page holds when only its end is said.
const PAGE: u32 = 100;

/// Which part of a transcript to read; all of it when nothing is said.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadSession {
    /// Only rows before the one of this `messageId`, as the last page's `nextBefore` told.
    #[param(min_length = 1)]
    before: Option<String>,
    /// How many rows at most: the last ones. 100 if `before` is said and this is not.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// A session with its thread and its transcript.
// As the document of the API shows it: it is written piece by piece, and never there as a whole.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionRead {
    /// The session.
    session: SessionSummary,
    /// The thread, as Codex tells it; with its turns, unless a page was asked for.
    #[schema(value_type = Object)]
    thread: Value,
    /// What was said and done: Codex's history, and what only our own log knows.
    transcript: Vec<TranscriptEntry>,
    /// What to ask for as `before` to get the page before this one; null when there is none. Only in a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    next_before: Option<String>,
}

impl Sessions {
    /// A session with its thread and its transcript, to be told piece by piece.
    ///
    /// # Errors
    /// Invalid when the page is no page; `row_not_found`; unavailable without a child; the child's own refusal; `too_many_answers`.
    pub(crate) async fn read(&self, session: Session, query: ReadSession) -> Result<Reading, Error> {
        let limit = query.limit.or(query.before.as_ref().map(|_| PAGE));
        if limit.is_some_and(|limit| !(1..=limits::TRANSCRIPT_PAGE_MAX).contains(&limit)) {
            return Err(Error::invalid("limit", &format!("must be between 1 and {}", limits::TRANSCRIPT_PAGE_MAX)));
        }
        self.require_ready()?;
        self.history.read(&session, &summary(&session), Slice { before: query.before, limit }).await
    }
}
