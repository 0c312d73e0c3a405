//! `/api/commands/exec` and `/api/feedback`.

use axum::Json;
use axum::extract::State;
use serde_json::json;

use super::{Body, Doc, Problem, Route, access};
use crate::http::doc::{OF_CHILD, OF_OUTBOX};
use crate::service::Services;
use crate::service::codex::Performed;
use crate::service::codex::commands::{Command, Feedback};
use crate::service::codex::methods::{COMMAND_EXEC, FEEDBACK_UPLOAD};
use crate::service::tokens::Bearer;

pub(super) fn routes() -> Vec<Route> {
    let said = json!({ "status": "ok", "result": { "exitCode": 0, "stdout": "hello\n", "stderr": "" } });
    vec![
        Route::post("/api/commands/exec", access(COMMAND_EXEC), execute).doc(
            Doc::new("executeCommand", "commands", "Runs a command in Codex's sandbox, outside of sessions.")
                .says("It is recorded with its words. One that runs long is answered with an operation to ask again.")
                .body::<Command>(json!({ "command": ["echo", "hello"], "timeoutMs": 5000 }))
                .answer::<Performed>(200, "What it said", said)
                .refuses(OF_CHILD)
                .refuses(OF_OUTBOX),
        ),
        Route::post("/api/feedback", access(FEEDBACK_UPLOAD), send).doc(
            Doc::new("uploadFeedback", "feedback", "Tells those who make Codex what went well or wrong.")
                .body::<Feedback>(json!({ "classification": "bug", "includeLogs": false, "reason": "it hung" }))
                .answer::<Performed>(
                    200,
                    "It is sent",
                    json!({ "status": "ok", "result": { "threadId": "no-thread" } }),
                )
                .refuses(OF_CHILD)
                .refuses(OF_OUTBOX),
        ),
    ]
}

async fn execute(
    State(services): State<Services>,
    bearer: Bearer,
    Body(body): Body<Command>,
) -> Result<Json<Performed>, Problem> {
    Ok(Json(services.codex.execute(body, bearer.actor()).await?))
}

async fn send(
    State(services): State<Services>,
    bearer: Bearer,
    Body(body): Body<Feedback>,
) -> Result<Json<Performed>, Problem> {
    Ok(Json(services.codex.send_feedback(body, bearer.actor()).await?))
}
