//! `DELETE /api/sessions/{sessionId}`.

use axum::Json;
use axum::extract::State;
use codex_manager_model::{Role, SessionId};
use serde_json::json;

use super::doc::OF_SESSION;
use super::{Access, Doc, Path, Problem, Route};
use crate::service::tokens::Bearer;
use crate::service::{DeletedSession, Services};

/// What is erased, what is not, and when.
const SAYS: &str = "What the daemon holds of the session is erased in one transaction and overwritten on the disk: events \
(their numbers stay, without content), transcript, interactions, records of extensions, waiting operations, kept answers. \
Codex is then had to interrupt what runs, to end the session's commands and to delete its thread; that is repeated until \
it has, also after a restart, and `deletedFileCount` tells what was gone by the time of the answer. From then on every \
call for the session is answered with 410. Within seconds the store's file is written anew, so that nothing is left in \
bytes that no row uses.

Codex does not delete a thread that another was forked from while that one is there, for they share their beginning. It is asked again when another session was deleted, when it was started anew, and every hour; until then the thread stays in `CODEX_HOME`, which `session_kept_for_fork` tells in the log, and `session_erased` that it is gone.

Three more things stay. The session's name, where somebody gave it one: the 410 says it. What extensions chose to keep with \
`kv`. And what Codex's own databases do not overwrite: it deletes the thread's rows and its file, but pieces of messages, \
answers and commands stay in the freed space of `state_*.sqlite`, `thread_history_*.sqlite` and `logs_*.sqlite` in \
`CODEX_HOME`, and in their `-wal` files, until Codex uses that space again. No call of Codex erases them.";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::delete("/api/sessions/{sessionId}", Access::Role(Role::Operator), delete).doc(
            Doc::new("deleteSession", "sessions", "Deletes a session for good.")
                .says(SAYS)
                .answer::<DeletedSession>(
                    200,
                    "It is deleted.",
                    json!({
                        "status": "ok",
                        "sessionId": "01a20238-701f-77c3-ade6-e1887c01531b",
                        "title": "Mend the build",
                        "deletedFileCount": 1,
                    }),
                )
                .refuses(OF_SESSION),
        ),
    ]
}

async fn delete(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
) -> Result<Json<DeletedSession>, Problem> {
    Ok(Json(services.deletion.delete(&id, bearer.actor()).await?))
}
