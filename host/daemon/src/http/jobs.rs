//! Jobs of the queue: `/api/orchestrator/jobs`, and those of a project.

use codex_manager_model::Role;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{Access, Doc, Problem, Query, Route};
use crate::service::{code, jobs};

pub(super) fn routes() -> Vec<Route> {
    let (viewer, operator) = (Access::Role(Role::Viewer), Access::Role(Role::Operator));
    vec![
        Route::get("/api/orchestrator/jobs/{jobId}", viewer, unavailable).doc(
            Doc::new("getOrchestratorJob", "jobs", "A job of the queue.")
                .says(WITHOUT)
                .empty_answer(200, "The job. Nothing answers so while there is no queue.")
                .refuses(&[code::JOB_CONFLICT, code::JOB_NOT_FOUND]),
        ),
        Route::get("/api/projects/{projectId}/orchestrator/jobs", viewer, list).doc(
            Doc::new("listProjectOrchestratorJobs", "jobs", "The jobs of a project, the oldest first.")
                .says(WITHOUT)
                .query::<ListJobs>()
                .empty_answer(200, "The jobs. Nothing answers so while there is no queue.")
                .refuses(&[code::JOB_CONFLICT]),
        ),
        Route::post("/api/orchestrator/jobs/{jobId}/cancel", operator, unavailable).doc(
            Doc::new("cancelOrchestratorJob", "jobs", "Cancel a job of the queue.")
                .says(WITHOUT)
                .empty_answer(200, "The job. Nothing answers so while there is no queue.")
                .refuses(&[code::JOB_CONFLICT, code::JOB_NOT_FOUND, code::ALREADY_TERMINAL]),
        ),
    ]
}

const WITHOUT: &str = "A daemon without a queue refuses; health says whether there is one.";

/// Which jobs to list.
#[derive(Deserialize, IntoParams)]
struct ListJobs {
    /// Only those in this state.
    #[expect(dead_code, reason = "only whether it is one of the words is looked at, as long as there are no jobs")]
    #[param(inline)]
    state: Option<JobState>,
}

/// Where a job stands.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum JobState {
    Queued,
    Running,
    Completed,
    Failed,
    Canceled,
}

async fn unavailable() -> Problem {
    jobs::unavailable().into()
}

async fn list(Query(ListJobs { .. }): Query<ListJobs>) -> Problem {
    jobs::unavailable().into()
}
