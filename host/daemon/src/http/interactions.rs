//! What the child asks: `/api/approvals`, `/api/tool-input`, `/api/tool-calls`, and the same of one session.

use axum::Json;
use axum::extract::State;
use codex_manager_model::{Interaction, InteractionId, InteractionKind, Role, SessionId};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::doc::{OF_CHILD, OF_OUTBOX, OF_SESSION};
use super::{Access, Body, Doc, Path, Problem, Query, Route};
use crate::service::code::{self, Code};
use crate::service::tokens::Bearer;
use crate::service::{
    Answered, ApprovalPage, CallResponse, Decide, DecideInput, Decided, ListInteractions, Page, Services, ToolCallPage,
    ToolInputPage,
};

/// Refusals of whatever answers a request.
const OF_ANSWERS: &[&Code] = &[code::ALREADY_DECIDED, code::EXPIRED, code::IN_FLIGHT];

const INBOX: &str = "Without a `state` those that are pending, the oldest first; else the newest first, and with who \
    decided what and when. What is over is kept as long as events are. Requests of workers are not among them: nobody is \
    asked on their behalf.";
const ONCE: &str = "Of several answers at once exactly one is written; the others are refused as `in_flight` while that \
    goes on, and as `already_decided` after it, with who decided what and when. An answer that could not be written, \
    because the app-server that asked is gone, is `expired`, and is never sent to its successor.";

pub(super) fn routes() -> Vec<Route> {
    let (viewer, operator) = (Access::Role(Role::Viewer), Access::Role(Role::Operator));
    vec![
        Route::get("/api/approvals", viewer, list::<ApprovalPage>).doc(inbox::<ApprovalPage>(
            "listApprovals",
            "approvals",
            "Lists what Codex asks to be allowed.",
            approval(),
        )),
        Route::get("/api/tool-input", viewer, list::<ToolInputPage>).doc(inbox::<ToolInputPage>(
            "listToolInput",
            "tool input",
            "Lists what Codex asks a person.",
            input(),
        )),
        Route::get("/api/tool-calls", viewer, list::<ToolCallPage>).doc(inbox::<ToolCallPage>(
            "listToolCalls",
            "tool calls",
            "Lists the tools that Codex calls.",
            call(),
        )),
        Route::get("/api/sessions/{sessionId}/approvals", viewer, of_session::<ApprovalPage>).doc(pending::<
            ApprovalPage,
        >(
            "listSessionApprovals",
            "approvals",
            "Lists a session's pending approvals.",
            approval(),
        )),
        Route::get("/api/sessions/{sessionId}/tool-input", viewer, of_session::<ToolInputPage>).doc(pending::<
            ToolInputPage,
        >(
            "listSessionToolInput",
            "tool input",
            "Lists a session's pending questions.",
            input(),
        )),
        Route::get("/api/sessions/{sessionId}/tool-calls", viewer, of_session::<ToolCallPage>).doc(pending::<
            ToolCallPage,
        >(
            "listSessionToolCalls",
            "tool calls",
            "Lists a session's pending tool calls.",
            call(),
        )),
        Route::post("/api/approvals/{approvalId}/decision", operator, decide).doc(
            acts("decideApproval", "approvals", "Decides an approval.")
                .body::<Decide>(json!({ "decision": "accept", "scope": "turn" }))
                .answer::<Decided>(200, "Written to the app-server.", done("approvalId", "apr_0199"))
                .refuses(&[code::APPROVAL_NOT_FOUND]),
        ),
        Route::post("/api/tool-input/{requestId}/decision", operator, tell).doc(
            acts("decideToolInput", "tool input", "Answers what Codex, or an MCP server, asks a person.")
                .body::<DecideInput>(json!({ "decision": "accept", "answers": { "colour": { "answers": ["blue"] } } }))
                .answer::<Answered>(200, "Written to the app-server.", done("requestId", "inp_0199"))
                .refuses(&[code::TOOL_INPUT_NOT_FOUND]),
        ),
        Route::post("/api/tool-calls/{requestId}/response", operator, respond).doc(
            acts("respondToolCall", "tool calls", "Says what a tool that Codex called came to.")
                .optional_body::<CallResponse>(json!({ "success": true, "text": "sunny, 21 degrees" }))
                .answer::<Answered>(200, "Written to the app-server.", done("requestId", "call_0199"))
                .refuses(&[code::TOOL_CALL_NOT_FOUND]),
        ),
    ]
}

async fn list<P: Page>(
    State(services): State<Services>,
    Query(query): Query<ListInteractions>,
) -> Result<Json<P>, Problem> {
    Ok(Json(services.interactions.list(query).await?))
}

async fn of_session<P: Page>(
    State(services): State<Services>,
    Path(session): Path<SessionId>,
) -> Result<Json<P>, Problem> {
    services.sessions.usable(&session).await?;
    Ok(Json(services.interactions.list(ListInteractions::pending_of(session)).await?))
}

async fn decide(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<InteractionId>,
    Body(body): Body<Decide>,
) -> Result<Json<Decided>, Problem> {
    let answer = |asked: &Interaction| body.answer(asked);
    let approval = services.interactions.answer(InteractionKind::Approval, &id, answer, bearer.actor()).await?;
    Ok(Json(approval.into()))
}

async fn tell(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<InteractionId>,
    Body(body): Body<DecideInput>,
) -> Result<Json<Answered>, Problem> {
    let answer = |asked: &Interaction| body.answer(asked);
    let asked = services.interactions.answer(InteractionKind::ToolInput, &id, answer, bearer.actor()).await?;
    Ok(Json(asked.into()))
}

async fn respond(
    State(services): State<Services>,
    bearer: Bearer,
    Path(id): Path<InteractionId>,
    Body(body): Body<CallResponse>,
) -> Result<Json<Answered>, Problem> {
    let answer = |_: &Interaction| body.answer();
    let called = services.interactions.answer(InteractionKind::ToolCall, &id, answer, bearer.actor()).await?;
    Ok(Json(called.into()))
}

fn inbox<P: ToSchema>(id: &'static str, tag: &'static str, summary: &'static str, one: Value) -> Doc {
    Doc::new(id, tag, summary)
        .says(INBOX)
        .query::<ListInteractions>()
        .answer::<P>(200, "A page of them.", json!({ "data": [one], "nextCursor": null }))
        .refuses(&[code::PAGE_GONE])
}

fn pending<P: ToSchema>(id: &'static str, tag: &'static str, summary: &'static str, one: Value) -> Doc {
    Doc::new(id, tag, summary)
        .answer::<P>(200, "Those that wait, the oldest first.", json!({ "data": [one], "nextCursor": null }))
        .refuses(OF_SESSION)
}

fn acts(id: &'static str, tag: &'static str, summary: &'static str) -> Doc {
    Doc::new(id, tag, summary).says(ONCE).refuses(OF_ANSWERS).refuses(OF_CHILD).refuses(OF_OUTBOX)
}

fn done(member: &str, id: &str) -> Value {
    json!({ "status": "ok", member: id, "threadId": "0199-a-session" })
}

fn approval() -> Value {
    let details = json!({ "command": "make all", "cwd": "/home/me/project" });
    asked("approvalId", "apr_0199", "item/commandExecution/requestApproval", "Run: make all", details)
}

fn input() -> Value {
    let question = json!({ "id": "colour", "header": "Pick", "question": "Which colour?", "options": null,
                           "isOther": true, "isSecret": false });
    let details = json!({ "questions": [question.clone()] });
    let mut input = asked("requestId", "inp_0199", "item/tool/requestUserInput", "Which colour?", details);
    input["questions"] = json!([question]);
    input
}

fn call() -> Value {
    let details = json!({ "tool": "lookup", "arguments": { "query": "weather" } });
    let mut call = asked("requestId", "call_0199", "item/tool/call", "Call lookup", details);
    for (member, value) in
        [("callId", json!("call-1")), ("tool", json!("lookup")), ("arguments", json!({ "query": "weather" }))]
    {
        call[member] = value;
    }
    call
}

fn asked(member: &str, id: &str, method: &str, summary: &str, details: Value) -> Value {
    json!({
        member: id, "method": method, "threadId": "0199-a-session", "turnId": "0199-a-turn", "itemId": "call-1",
        "summary": summary, "details": details, "createdAt": "2026-01-01T12:00:00Z", "status": "pending",
    })
}
