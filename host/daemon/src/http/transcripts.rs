//! `/api/sessions/{sessionId}/transcript`.

use axum::Json;
use axum::extract::State;
use codex_manager_model::{Role, SessionId, TranscriptEntry};
use serde_json::json;

use super::{Access, Body, Doc, Path, Problem, Route};
use crate::service::tokens::Bearer;
use crate::service::{Services, WrittenEntry, code};

pub(super) fn routes() -> Vec<Route> {
    let entry = json!({
        "messageId": "review-1",
        "turnId": "01a20238-7031-7fe0-b54b-dda4cd9ba453",
        "role": "system",
        "type": "review.note",
        "content": "The change does what was asked.",
        "status": "complete",
    });
    let written = json!({ "status": "ok", "sessionId": "01a20238-701f-77c3-ade6-e1887c01531b", "entry": entry });
    vec![
        Route::post("/api/sessions/{sessionId}/transcript/upsert", Access::Role(Role::Operator), upsert).doc(
            Doc::new("upsertSessionTranscriptEntry", "sessions", "Writes a row into a session's transcript.")
                .says(
                    "Over the row of that `messageId`, if there is one: what has ended does not begin again, and details \
                     stay until there are others. `details` that are an object with `anchorItemId` name the row to stand \
                     behind. Also for sessions of workers. The oldest rows go when there are more than 5000, or more \
                     than 16 MiB of them.",
                )
                .body::<TranscriptEntry>(entry)
                .answer::<WrittenEntry>(200, "The row, as it is now.", written)
                .refuses(&[code::SESSION_DELETED, code::SESSION_NOT_FOUND]),
        ),
    ]
}

async fn upsert(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
    body: Result<Body<TranscriptEntry>, Problem>,
) -> Result<Json<WrittenEntry>, Problem> {
    services.sessions.readable(&id).await?;
    let Body(entry) = body?;
    Ok(Json(services.transcripts.upsert(&id, entry, bearer.actor()).await?))
}
