//! `/api/sessions/{id}/session-controls`, and the approval policy alone.

use axum::Json;
use axum::extract::State;
use codex_manager_model::{ApprovalPolicy, Role, SessionId};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::doc::OF_SESSION;
use super::{Access, Body, Doc, Path, Problem, Route};
use crate::service::code;
use crate::service::tokens::Bearer;
use crate::service::{Applied, ApplyControls, Services, SetApprovalPolicy, Standing};

pub(super) fn routes() -> Vec<Route> {
    let (viewer, operator) = (Access::Role(Role::Viewer), Access::Role(Role::Operator));
    vec![
        Route::get("/api/sessions/{sessionId}/session-controls", viewer, get).doc(
            Doc::new("getSessionControls", "controls", "The controls of a session, and those of new ones.")
                .answer::<ShownControls>(200, "The controls.", example("ok"))
                .refuses(OF_SESSION),
        ),
        Route::post("/api/sessions/{sessionId}/session-controls", operator, apply).doc(
            Doc::new("applySessionControls", "controls", "Change the controls of a session, or those of new ones.")
                .says("A change is written into the session's transcript. Settings that are left out stay as they are.")
                .body::<ApplyControls>(json!({
                    "scope": "session", "controls": controls(), "actor": "me", "source": "cli",
                }))
                .answer::<Applied>(200, "What now holds.", applied())
                .refuses(OF_SESSION)
                .refuses(&[code::DEFAULTS_LOCKED]),
        ),
        Route::post("/api/sessions/{sessionId}/approval-policy", operator, set_approval_policy).doc(
            Doc::new("setSessionApprovalPolicy", "controls", "Change when Codex must ask in a session.")
                .body::<SetApprovalPolicy>(json!({ "approvalPolicy": "on-request" }))
                .answer::<ApprovalPolicySet>(
                    200,
                    "The policy that now holds.",
                    json!({ "status": "ok", "sessionId": SESSION, "approvalPolicy": "on-request" }),
                )
                .refuses(OF_SESSION),
        ),
    ]
}

/// The controls of a session and those of new ones.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionControlsResponse)]
struct ShownControls {
    #[schema(pattern = "^ok$")]
    status: &'static str,
    #[serde(flatten)]
    standing: Standing,
}

/// The approval policy that a session has now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SessionApprovalPolicyResponse)]
struct ApprovalPolicySet {
    #[schema(pattern = "^ok$")]
    status: &'static str,
    session_id: SessionId,
    approval_policy: ApprovalPolicy,
}

const SESSION: &str = "019a4f3c-0000-7000-8000-000000000001";

fn controls() -> Value {
    json!({
        "model": null,
        "approvalPolicy": "on-request",
        "networkAccess": "restricted",
        "filesystemSandbox": "workspace-write",
        "settings": {},
    })
}

fn example(status: &str) -> Value {
    json!({
        "status": status,
        "sessionId": SESSION,
        "controls": controls(),
        "defaults": controls(),
        "defaultsEditable": true,
        "defaultLockReason": null,
    })
}

fn applied() -> Value {
    let mut example = example("ok");
    example["scope"] = json!("session");
    example["applied"] = controls();
    example["summary"] = json!("default | on-request | restricted | workspace-write");
    example
}

async fn get(State(services): State<Services>, Path(id): Path<SessionId>) -> Result<Json<ShownControls>, Problem> {
    Ok(Json(ShownControls { status: "ok", standing: services.controls.get(&id).await? }))
}

async fn apply(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
    body: Result<Body<ApplyControls>, Problem>,
) -> Result<Json<Applied>, Problem> {
    services.sessions.usable(&id).await?;
    let Body(body) = body?;
    Ok(Json(services.controls.apply(&id, body, bearer.actor()).await?))
}

async fn set_approval_policy(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<SessionId>,
    body: Result<Body<SetApprovalPolicy>, Problem>,
) -> Result<Json<ApprovalPolicySet>, Problem> {
    services.sessions.usable(&id).await?;
    let Body(body) = body?;
    let approval_policy = services.controls.set_approval_policy(&id, body, bearer.actor()).await?;
    Ok(Json(ApprovalPolicySet { status: "ok", session_id: id, approval_policy }))
}
