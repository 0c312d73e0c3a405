//! Suggestions of what to say next in a session: whoever makes them keeps them here, under the key of the request for it,
//! and everybody who listens is told.

use codex_manager_model::{Actor, Clock, ItemStatus, NewEvent, SessionId, Suggestion, limits};
use codex_manager_store::{Store, Tx};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::sessions::Effort;
use super::sessions::admit::usable_in;
use super::{Error, code};

/// What a suggestion is asked for with.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[schema(as = SuggestedRequestBody)]
pub(crate) struct AskSuggestion {
    /// The model that is to make it.
    #[schema(min_length = 1, max_length = 200)]
    model: Option<String>,
    /// How hard it thinks.
    #[expect(
        dead_code,
        reason = "only whether it is one of the words is looked at, as long as nobody makes suggestions"
    )]
    effort: Option<Effort>,
    /// What the person has written so far.
    #[schema(min_length = 1, max_length = 4000)]
    draft: Option<String>,
}

/// A suggestion as it stands.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SuggestedRequestUpsertBody)]
pub(crate) struct PutSuggestion {
    /// Names the request for it within its session.
    #[schema(min_length = 1, max_length = 200)]
    request_key: String,
    status: ItemStatus,
    /// The text; needed when the status is `complete`.
    #[schema(min_length = 1, max_length = 8000)]
    suggestion: Option<String>,
    /// Why there is none.
    #[schema(min_length = 1, max_length = 4000)]
    error: Option<String>,
}

/// A suggestion as it was kept.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SuggestedRequestUpsertResponse)]
pub(crate) struct SuggestionKept {
    #[schema(pattern = "^ok$")]
    status: &'static str,
    session_id: SessionId,
    request_key: String,
    entry: SuggestionEntry,
}

/// Where a suggestion stands.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SuggestedRequestRuntimeEntry)]
pub(crate) struct SuggestionEntry {
    status: ItemStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    suggestion: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// The use cases of suggestions.
#[derive(Clone)]
pub(crate) struct Suggestions {
    store: Store,
    clock: Clock,
}

impl Suggestions {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Keeps a suggestion, over the one of that key if there is one. One that has ended does not begin again.
    ///
    /// # Errors
    /// Of a session that cannot be used; invalid when something is too long; `missing_suggestion`.
    pub(crate) async fn put(&self, id: &SessionId, body: PutSuggestion, actor: Actor) -> Result<SuggestionKept, Error> {
        body.check()?;
        let (id, now) = (id.clone(), self.clock.now());
        let put = move |tx: &Tx<'_>| {
            usable_in(tx, &id)?;
            let before = tx.suggestion(&id, &body.request_key)?;
            if let Some(before) = before.filter(|before| regresses(before.status, body.status)) {
                return Ok(SuggestionKept::of(id, before));
            }
            let suggestion = body.kept(now);
            tx.put_suggestion(&id, &suggestion)?;
            tx.append_event(told(&id, &suggestion).by(actor))?;
            Ok::<_, Error>(SuggestionKept::of(id, suggestion))
        };
        self.store.write(put).await
    }
}

impl AskSuggestion {
    /// That nothing in it is too long.
    ///
    /// # Errors
    /// Invalid when something is.
    pub(crate) fn check(&self) -> Result<(), Error> {
        bounded("model", self.model.as_deref(), limits::MODEL_NAME_CHARS_MAX)?;
        bounded("draft", self.draft.as_deref(), limits::SUGGESTION_DRAFT_CHARS_MAX)
    }
}

impl PutSuggestion {
    fn check(&self) -> Result<(), Error> {
        bounded("requestKey", Some(&self.request_key), limits::SUGGESTION_KEY_CHARS_MAX)?;
        bounded("suggestion", self.suggestion.as_deref(), limits::SUGGESTION_CHARS_MAX)?;
        bounded("error", self.error.as_deref(), limits::SUGGESTION_ERROR_CHARS_MAX)?;
        let has_text = self.suggestion.as_ref().is_some_and(|text| !text.trim().is_empty());
        if self.status == ItemStatus::Complete && !has_text {
            return Err(Error::new(code::MISSING_SUGGESTION, "suggestion is required when status is complete")
                .status("invalid_request"));
        }
        Ok(())
    }

    fn kept(self, now: Timestamp) -> Suggestion {
        Suggestion {
            key: self.request_key,
            status: self.status,
            suggestion: self.suggestion,
            error: self.error,
            updated_at: now,
        }
    }
}

impl SuggestionKept {
    fn of(session_id: SessionId, kept: Suggestion) -> Self {
        let Suggestion { key, status, suggestion, error, updated_at } = kept;
        let entry = SuggestionEntry { status, suggestion, error, updated_at };
        Self { status: "ok", session_id, request_key: key, entry }
    }
}

fn told(session: &SessionId, suggestion: &Suggestion) -> NewEvent {
    let mut payload = json!({ "sessionId": session, "requestKey": suggestion.key, "status": suggestion.status });
    for (member, text) in [("suggestion", &suggestion.suggestion), ("error", &suggestion.error)] {
        if let Some(text) = text {
            payload[member] = json!(text);
        }
    }
    NewEvent::new("suggested_request_updated", Some(session.clone()), payload, suggestion.updated_at)
}

fn regresses(from: ItemStatus, to: ItemStatus) -> bool {
    from != ItemStatus::Streaming && to == ItemStatus::Streaming
}

fn bounded(member: &str, text: Option<&str>, chars_max: usize) -> Result<(), Error> {
    match text {
        Some(text) if !(1..=chars_max).contains(&text.chars().count()) => {
            Err(Error::invalid(member, &format!("must have 1 to {chars_max} characters")))
        }
        _ => Ok(()),
    }
}
