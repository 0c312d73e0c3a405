//! Requests of the child: which of them somebody here can answer, and what each is called.

use codex_manager_model::{Interaction, InteractionId, InteractionKind, InteractionState, ItemId};
use jiff::Timestamp;
use serde_json::Value;

use super::change::Told;
use crate::service::is_well_formed;

/// What kind of answer a request wants; `None` when nobody here has any.
pub(super) fn kind(method: &str) -> Option<InteractionKind> {
    match method {
        "item/commandExecution/requestApproval"
        | "item/fileChange/requestApproval"
        | "item/permissions/requestApproval"
        | "execCommandApproval"
        | "applyPatchApproval" => Some(InteractionKind::Approval),
        "item/tool/requestUserInput" | "tool/requestUserInput" | "mcpServer/elicitation/request" => {
            Some(InteractionKind::ToolInput)
        }
        "item/tool/call" => Some(InteractionKind::ToolCall),
        _ => None,
    }
}

/// The interaction that a request begins; `None` when nobody here has an answer of that kind, when it does not say for
/// which thread or what it wants, or when it is more than can be shown to whoever answers.
pub(super) fn interaction(told: &Told) -> Option<Interaction> {
    let params = told.shown()?;
    let kind = kind(&told.method).filter(|_| is_well_formed(&told.method, params))?;
    let item = params["itemId"].as_str().or_else(|| params["callId"].as_str());
    Some(Interaction {
        id: InteractionId::fresh(kind),
        kind,
        generation: told.generation.clone(),
        request_id: told.request_id.clone()?,
        method: told.method.clone(),
        session: told.session.clone()?,
        turn: told.turn.clone(),
        item: item.map(ItemId::new),
        summary: with_reason(summary(&told.method, params), &params["reason"]),
        details: params.clone(),
        state: InteractionState::Pending,
        decision: None,
        scope: None,
        response: None,
        decided_by: None,
        // No finer than it will be read back: the frame and the list say the same.
        created_at: Timestamp::from_microsecond(told.at.as_microsecond()).unwrap_or(told.at),
        resolved_at: None,
    })
}

fn summary(method: &str, params: &Value) -> String {
    match method {
        "item/fileChange/requestApproval" | "applyPatchApproval" => "Change files".to_owned(),
        "item/permissions/requestApproval" => more_access(&params["permissions"]),
        "mcpServer/elicitation/request" => {
            let message = params["message"].as_str().or_else(|| params["title"].as_str()).unwrap_or("an answer");
            format!("{} asks: {message}", params["serverName"].as_str().unwrap_or("An MCP server"))
        }
        "item/tool/call" => match (params["namespace"].as_str(), params["tool"].as_str().unwrap_or_default()) {
            (Some(namespace), tool) => format!("Call {namespace}.{tool}"),
            (None, tool) => format!("Call {tool}"),
        },
        "item/tool/requestUserInput" | "tool/requestUserInput" => {
            let questions = params["questions"].as_array().into_iter().flatten();
            questions.filter_map(|question| question["question"].as_str()).collect::<Vec<_>>().join(" / ")
        }
        _ => match params["networkApprovalContext"]["host"].as_str() {
            Some(host) if params["command"].is_null() => format!("Connect to {host}"),
            _ => format!("Run: {}", command(&params["command"])),
        },
    }
}

/// A command as one line; the older request has it as a list of words.
fn command(value: &Value) -> String {
    match value {
        Value::String(line) => line.clone(),
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        _ => "a command".to_owned(),
    }
}

/// What is asked for beyond what the sandbox lets through.
fn more_access(wanted: &Value) -> String {
    let network = (wanted["network"]["enabled"] == true).then(|| "the network".to_owned());
    let files = &wanted["fileSystem"];
    let paths = ["read", "write"].into_iter().flat_map(|access| {
        let paths = files[access].as_array().into_iter().flatten().filter_map(Value::as_str);
        paths.map(move |path| format!("{access} {path}"))
    });
    let entries = files["entries"].as_array().into_iter().flatten().map(|entry| {
        let path = ["/path/path", "/path/pattern", "/path/value/kind"].into_iter();
        let path = path.filter_map(|pointer| entry.pointer(pointer)?.as_str()).next().unwrap_or("a path");
        format!("{} {path}", entry["access"].as_str().unwrap_or("access"))
    });
    let wanted: Vec<_> = network.into_iter().chain(paths).chain(entries).collect();
    if wanted.is_empty() { "Allow more access".to_owned() } else { format!("Allow more access: {}", wanted.join(", ")) }
}

fn with_reason(summary: String, reason: &Value) -> String {
    match reason.as_str() {
        Some(reason) if !reason.is_empty() => format!("{summary} ({reason})"),
        _ => summary,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_request_is_called_what_it_asks_for() {
        let files = json!({ "read": null, "write": ["/w"], "entries": [
            { "access": "read", "path": { "type": "glob_pattern", "pattern": "/g/*" } },
            { "access": "deny", "path": { "type": "special", "value": { "kind": "root" } } },
        ] });
        for (method, params, expected) in [
            ("item/commandExecution/requestApproval", json!({ "command": "ls" }), "Run: ls"),
            ("execCommandApproval", json!({ "command": ["ls", "-l"] }), "Run: ls -l"),
            (
                "item/commandExecution/requestApproval",
                json!({ "networkApprovalContext": { "host": "a.test", "protocol": "https" } }),
                "Connect to a.test",
            ),
            (
                "item/permissions/requestApproval",
                json!({ "permissions": { "network": { "enabled": true }, "fileSystem": files } }),
                "Allow more access: the network, write /w, read /g/*, deny root",
            ),
            ("item/permissions/requestApproval", json!({ "permissions": {} }), "Allow more access"),
            ("mcpServer/elicitation/request", json!({ "serverName": "s", "message": "Who?" }), "s asks: Who?"),
            (
                "item/tool/requestUserInput",
                json!({ "questions": [{ "question": "A?" }, { "question": "B?" }] }),
                "A? / B?",
            ),
            ("item/tool/call", json!({ "tool": "t", "namespace": "n" }), "Call n.t"),
        ] {
            assert_eq!(summary(method, &params), expected);
        }
    }
}
