//! Requests of the child: which of them is an approval, and what it is called.

use codex_manager_model::{Approval, ApprovalId, ApprovalState, ItemId};
use serde_json::{Value, json};

use super::change::Told;

/// The approval that a request asks for; `None` when it is of another kind, does not say for which thread, or is more
/// than can be shown to whoever decides.
pub(super) fn approval(told: &Told) -> Option<Approval> {
    told.shown()?;
    let summary = match told.method.as_str() {
        "item/commandExecution/requestApproval" => format!("Run: {}", command(&told.params["command"])),
        "execCommandApproval" => format!("Run: {}", command(&told.params["command"])),
        "item/fileChange/requestApproval" | "applyPatchApproval" => "Change files".to_owned(),
        _ => return None,
    };
    let item = told.params["itemId"].as_str().or_else(|| told.params["callId"].as_str());
    Some(Approval {
        id: ApprovalId::fresh(),
        generation: told.generation.clone(),
        request_id: told.request_id.clone()?,
        method: told.method.clone(),
        session: told.session.clone()?,
        turn: told.turn.clone(),
        item: item.map(ItemId::new),
        summary: with_reason(summary, &told.params["reason"]),
        details: told.params.clone(),
        state: ApprovalState::Pending,
        decision: None,
        scope: None,
        decided_by: None,
        created_at: told.at,
        resolved_at: None,
    })
}

/// An approval in the reference's shape.
pub(crate) fn pending(approval: &Approval) -> Value {
    json!({
        "approvalId": approval.id,
        "method": approval.method,
        "threadId": approval.session,
        "turnId": approval.turn,
        "itemId": approval.item,
        "summary": approval.summary,
        "details": approval.details,
        "createdAt": approval.created_at.to_string(),
        "status": approval.state,
    })
}

/// A command as one line; the older request has it as a list of words.
fn command(value: &Value) -> String {
    match value {
        Value::String(line) => line.clone(),
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        _ => "a command".to_owned(),
    }
}

fn with_reason(summary: String, reason: &Value) -> String {
    match reason.as_str() {
        Some(reason) if !reason.is_empty() => format!("{summary} ({reason})"),
        _ => summary,
    }
}
