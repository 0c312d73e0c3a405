//! `/api/sessions/{id}/suggested-request`: what could be said next in a session.

use axum::Json;
use axum::extract::State;
use codex_manager_model::{Role, SessionId};
use serde_json::{Value, json};

use super::doc::OF_SESSION;
use super::{Access, Body, Doc, Path, Problem, Route};
use crate::service::tokens::Bearer;
use crate::service::{AskSuggestion, PutSuggestion, Services, SuggestionKept};
use crate::service::{code, jobs};

pub(super) fn routes() -> Vec<Route> {
    let operator = Access::Role(Role::Operator);
    vec![
        Route::post("/api/sessions/{sessionId}/suggested-request/jobs", operator, ask)
            .doc(of_asking("enqueueSuggestedSessionRequest", "Have a suggestion made.")),
        Route::post("/api/sessions/{sessionId}/suggested-request", operator, ask).doc(
            of_asking("suggestSessionRequest", "Have a suggestion made, and wait for it.")
                .empty_answer(200, "The suggestion. Nothing answers so while there is no queue.")
                .refuses(&[code::NO_CONTEXT]),
        ),
        Route::post("/api/sessions/{sessionId}/suggested-request/upsert", operator, put).doc(
            Doc::new("upsertSuggestedSessionRequest", "suggestions", "Tell how far a suggestion is.")
                .says("What has ended does not begin again: such news changes nothing.")
                .body::<PutSuggestion>(json!({
                    "requestKey": "r1", "status": "complete", "suggestion": "Add a test for the empty list.",
                }))
                .body_is(a_complete_one_has_text())
                .answer::<SuggestionKept>(
                    200,
                    "The suggestion as it now stands.",
                    json!({
                        "status": "ok",
                        "sessionId": "019a4f3c-0000-7000-8000-000000000001",
                        "requestKey": "r1",
                        "entry": {
                            "status": "complete",
                            "suggestion": "Add a test for the empty list.",
                            "updatedAt": "2026-01-02T03:04:05Z",
                        },
                    }),
                )
                .refuses(OF_SESSION)
                .refuses(&[code::MISSING_SUGGESTION]),
        ),
    ]
}

/// What is complete has a text.
fn a_complete_one_has_text() -> Value {
    let complete = json!({
        "status": { "type": "string", "enum": ["complete"] }, "suggestion": { "type": "string", "pattern": r"[^\s\u0085]" },
    });
    let other = json!({ "status": { "type": "string", "enum": ["streaming", "canceled", "error"] } });
    json!({ "oneOf": [
        { "type": "object", "required": ["suggestion"], "properties": complete },
        { "type": "object", "properties": other },
    ] })
}

fn of_asking(id: &'static str, summary: &'static str) -> Doc {
    Doc::new(id, "suggestions", summary)
        .says("A job of the queue makes it. A daemon without a queue refuses.")
        .optional_body::<AskSuggestion>(json!({ "effort": "low", "draft": "Add a test" }))
        .empty_answer(202, "A job will make it. Nothing answers so while there is no queue.")
        .refuses(OF_SESSION)
        .refuses(&[code::JOB_CONFLICT, code::QUEUE_FULL])
}

async fn ask(
    State(services): State<Services>,
    Path(id): Path<SessionId>,
    body: Result<Body<AskSuggestion>, Problem>,
) -> Result<(), Problem> {
    services.sessions.usable(&id).await?;
    let Body(body) = body?;
    body.check()?;
    Err(jobs::unavailable_for(&id).into())
}

async fn put(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
    body: Result<Body<PutSuggestion>, Problem>,
) -> Result<Json<SuggestionKept>, Problem> {
    services.sessions.usable(&id).await?;
    let Body(body) = body?;
    Ok(Json(services.suggestions.put(&id, body, bearer.actor()).await?))
}
