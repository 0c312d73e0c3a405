//! `/api/projects`, and which project a session is in.

use axum::Json;
use axum::extract::State;
use codex_manager_model::{ProjectId, Role, SessionId};
use serde_json::{Value, json};

use super::doc::{OF_CHILD, OF_OUTBOX, OF_SESSION};
use super::{Access, Body, Doc, Path, Problem, Route};
use crate::service::code;
use crate::service::tokens::Bearer;
use crate::service::{
    AgentSessions, ChatsDeleted, ChatsMoved, MoveChats, NameProject, ProjectDeleted, ProjectList, ProjectMade,
    ProjectRenamed, ProjectSet, Services, SetProject,
};

const VIEWER: Access = Access::Role(Role::Viewer);
const OPERATOR: Access = Access::Role(Role::Operator);

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/projects", VIEWER, list).doc(
            Doc::new("listProjects", "projects", "Every project, by name.")
                .answer::<ProjectList>(200, "The projects.", json!({ "data": [example()] })),
        ),
        Route::post("/api/projects", OPERATOR, create).doc(
            Doc::new("createProject", "projects", "Make a project.")
                .body::<NameProject>(json!({ "name": "Garden", "workingDirectory": "/tmp" }))
                .answer::<ProjectMade>(
                    200,
                    "The new project.",
                    json!({ "status": "ok", "project": example(), "orchestrationSession": null }),
                )
                .refuses(&[code::DUPLICATE_NAME, code::TOO_MANY_PROJECTS]),
        ),
        Route::post("/api/projects/{projectId}/rename", OPERATOR, rename).doc(
            Doc::new("renameProject", "projects", "Give a project another name, or another folder.")
                .says("With another folder, the sessions that workers had in the old one are deleted.")
                .body::<NameProject>(json!({ "name": "Garden" }))
                .answer::<ProjectRenamed>(200, "The project.", json!({ "status": "ok", "project": example() }))
                .refuses(&[code::PROJECT_NOT_FOUND, code::DUPLICATE_NAME]),
        ),
        Route::delete("/api/projects/{projectId}", OPERATOR, delete).doc(
            Doc::new("deleteProject", "projects", "Delete a project that has no sessions.")
                .answer::<ProjectDeleted>(
                    200,
                    "It is gone, with the sessions of its workers.",
                    json!({ "status": "ok", "projectId": ID, "unassignedSessionCount": 0 }),
                )
                .refuses(&[code::PROJECT_NOT_FOUND, code::PROJECT_NOT_EMPTY]),
        ),
        Route::get("/api/projects/{projectId}/agent-sessions", VIEWER, agent_sessions).doc(
            Doc::new("listProjectAgentSessions", "projects", "The sessions of a project's workers.")
                .says("`session:` and the id of a session in the place of the project's id names the workers of that session.")
                .answer::<AgentSessions>(
                    200,
                    "The sessions, by agent.",
                    json!({
                        "status": "ok",
                        "projectId": ID,
                        "data": [{ "agent": "supervisor", "sessionId": SESSION, "systemOwned": true }],
                    }),
                )
                .refuses(&[code::PROJECT_NOT_FOUND]),
        ),
        Route::post("/api/projects/{projectId}/chats/move-all", OPERATOR, move_chats).doc(of_moving()),
        Route::post("/api/projects/{projectId}/chats/delete-all", OPERATOR, delete_chats).doc(
            Doc::new("deleteProjectChats", "projects", "Delete all sessions of a project for good.")
                .answer::<ChatsDeleted>(
                    200,
                    "How many were deleted.",
                    json!({ "status": "ok", "projectId": ID, "deletedSessionCount": 3, "skippedSessionCount": 0 }),
                )
                .refuses(&[code::PROJECT_NOT_FOUND]),
        ),
        Route::post("/api/sessions/{sessionId}/project", OPERATOR, assign).doc(
            Doc::new("setSessionProject", "projects", "Put a session into a project, or take it out.")
                .body::<SetProject>(json!({ "projectId": ID }))
                .answer::<ProjectSet>(
                    200,
                    "Where it is now, and where it was.",
                    json!({ "status": "ok", "sessionId": SESSION, "projectId": ID, "previousProjectId": null }),
                )
                .refuses(OF_SESSION)
                .refuses(&[code::PROJECT_NOT_FOUND]),
        ),
    ]
}

const ID: &str = "prj_019a4f3c5d6e7f80a1b2c3d4e5f60718";
const SESSION: &str = "019a4f3c-0000-7000-8000-000000000001";

fn example() -> Value {
    json!({
        "projectId": ID,
        "name": "Garden",
        "workingDirectory": "/home/me/garden",
        "createdAt": "2026-01-02T03:04:05Z",
        "updatedAt": "2026-01-02T03:04:05Z",
    })
}

fn of_moving() -> Doc {
    Doc::new("moveProjectChats", "projects", "Take all sessions out of a project, and put them away if wanted.")
        .says("Nothing is moved unless all of them can be put away.")
        .body::<MoveChats>(json!({ "destination": "unassigned" }))
        .answer::<ChatsMoved>(
            200,
            "What became of them.",
            json!({
                "status": "ok",
                "projectId": ID,
                "destination": "archive",
                "movedSessionCount": 3,
                "archivedSessionCount": 2,
                "alreadyArchivedSessionCount": 1,
            }),
        )
        .refuses(&[code::PROJECT_NOT_FOUND, code::NOT_MATERIALIZED_SESSIONS, code::NOT_MATERIALIZED])
        .refuses(OF_SESSION)
        .refuses(OF_CHILD)
        .refuses(OF_OUTBOX)
}

async fn list(State(services): State<Services>) -> Result<Json<ProjectList>, Problem> {
    Ok(Json(services.projects.list().await?))
}

async fn create(
    State(services): State<Services>,
    bearer: Bearer,
    Body(body): Body<NameProject>,
) -> Result<Json<ProjectMade>, Problem> {
    Ok(Json(services.projects.create(body, bearer.actor()).await?))
}

async fn rename(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<ProjectId>,
    Body(body): Body<NameProject>,
) -> Result<Json<ProjectRenamed>, Problem> {
    Ok(Json(services.projects.rename(&id, body, bearer.actor()).await?))
}

async fn delete(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<ProjectId>,
) -> Result<Json<ProjectDeleted>, Problem> {
    Ok(Json(services.projects.delete(&id, bearer.actor()).await?))
}

async fn agent_sessions(
    State(services): State<Services>,
    Path(owner): Path<ProjectId>,
) -> Result<Json<AgentSessions>, Problem> {
    Ok(Json(services.projects.agent_sessions(&owner).await?))
}

async fn move_chats(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<ProjectId>,
    Body(body): Body<MoveChats>,
) -> Result<Json<ChatsMoved>, Problem> {
    Ok(Json(services.projects.move_chats(&id, body, bearer.actor()).await?))
}

async fn delete_chats(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<ProjectId>,
) -> Result<Json<ChatsDeleted>, Problem> {
    Ok(Json(services.projects.delete_chats(&id, bearer.actor()).await?))
}

async fn assign(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
    body: Result<Body<SetProject>, Problem>,
) -> Result<Json<ProjectSet>, Problem> {
    services.sessions.usable(&id).await?;
    let Body(body) = body?;
    Ok(Json(services.projects.assign(&id, body, bearer.actor()).await?))
}
