//! `/api/skills`.

use axum::Json;
use axum::extract::State;
use serde_json::json;

use super::{Body, Doc, Problem, Query, Route, access};
use crate::http::doc::{OF_CHILD, OF_OUTBOX};
use crate::service::Services;
use crate::service::codex::Performed;
use crate::service::codex::catalogue::Listed;
use crate::service::codex::methods::{SKILLS_CONFIG_WRITE, SKILLS_LIST, SKILLS_REMOTE_READ, SKILLS_REMOTE_WRITE};
use crate::service::codex::skills::{ListSkills, RemoteSkill, SkillConfig};
use crate::service::tokens::Bearer;

pub(super) fn routes() -> Vec<Route> {
    let done = || json!({ "status": "ok", "result": {} });
    vec![
        Route::get("/api/skills", access(SKILLS_LIST), list).doc(
            Doc::new("listSkills", "skills", "The skills that Codex finds.")
                .query::<ListSkills>()
                .answer::<Listed>(200, "The skills, by folder", json!({ "data": [], "nextCursor": null }))
                .refuses(OF_CHILD),
        ),
        Route::post("/api/skills/config", access(SKILLS_CONFIG_WRITE), configure).doc(
            Doc::new("writeSkillConfig", "skills", "Turns a skill on or off.")
                .body::<SkillConfig>(json!({ "path": "/home/me/.codex/skills/review/SKILL.md", "enabled": false }))
                .answer::<Performed>(
                    200,
                    "It is written",
                    json!({ "status": "ok", "result": { "effectiveEnabled": false } }),
                )
                .refuses(OF_CHILD)
                .refuses(OF_OUTBOX),
        ),
        Route::get("/api/skills/remote", access(SKILLS_REMOTE_READ), remote).doc(
            Doc::new("readRemoteSkills", "skills", "The remote skills, where Codex has them.")
                .answer::<Performed>(200, "What Codex says of them", done())
                .refuses(OF_CHILD),
        ),
        Route::post("/api/skills/remote", access(SKILLS_REMOTE_WRITE), choose_remote).doc(
            Doc::new("writeRemoteSkills", "skills", "Chooses a remote skill, where Codex has them.")
                .body::<RemoteSkill>(json!({ "hazelnutId": "review", "isPreload": false }))
                .answer::<Performed>(200, "It is chosen", done())
                .refuses(OF_CHILD)
                .refuses(OF_OUTBOX),
        ),
    ]
}

async fn list(State(services): State<Services>, Query(query): Query<ListSkills>) -> Result<Json<Listed>, Problem> {
    Ok(Json(services.codex.skills(query).await?))
}

async fn configure(
    State(services): State<Services>,
    bearer: Bearer,
    Body(body): Body<SkillConfig>,
) -> Result<Json<Performed>, Problem> {
    Ok(Json(services.codex.configure_skill(body, bearer.actor()).await?))
}

async fn remote(State(services): State<Services>) -> Result<Json<Performed>, Problem> {
    Ok(Json(services.codex.remote_skills().await?))
}

async fn choose_remote(
    State(services): State<Services>,
    bearer: Bearer,
    Body(body): Body<RemoteSkill>,
) -> Result<Json<Performed>, Problem> {
    Ok(Json(services.codex.choose_remote_skill(body, bearer.actor()).await?))
}
