//! What one item is as a row of a transcript.

use codex_manager_model::{Item, ItemStatus, TranscriptEntry, TranscriptRole, TurnId};
use serde_json::Value;

/// The row of an item, as far as our own log knows it.
pub(crate) fn item_row(item: &Item) -> TranscriptEntry {
    row(item.id.as_str(), item.turn.as_str(), &item.body, Some(item))
}

/// One row, as clients know it. What the child tells comes first; ours adds times, the way it ended, and the text of
/// what the child has forgotten.
pub(super) fn row(id: &str, turn: &str, body: &Value, ours: Option<&Item>) -> TranscriptEntry {
    let kind = body["type"].as_str().or(ours.map(|item| item.kind.as_str())).unwrap_or("unknown");
    let mut content = content(kind, body);
    // A command's text is its output, which stands in the details.
    if let Some(item) = ours.filter(|item| kind != "commandExecution" && item.text.len() > content.len()) {
        content.clone_from(&item.text);
    }
    let role = role(kind);
    TranscriptEntry {
        message_id: id.to_owned(),
        turn_id: TurnId::new(turn),
        role,
        kind: kind.to_owned(),
        content,
        details: (role == TranscriptRole::System).then(|| format!("{body:#}")),
        status: ours.map_or(ItemStatus::Complete, |item| item.status),
        started_at: ours.map(|item| item.started_at),
        completed_at: ours.and_then(|item| item.completed_at),
    }
}

/// Who speaks in an item of that kind.
pub(super) fn role(kind: &str) -> TranscriptRole {
    match kind {
        "userMessage" => TranscriptRole::User,
        "agentMessage" => TranscriptRole::Assistant,
        _ => TranscriptRole::System,
    }
}

/// The one line or the text that stands for an item.
fn content(kind: &str, body: &Value) -> String {
    let text = |member: &str| body[member].as_str().unwrap_or_default().to_owned();
    match kind {
        "userMessage" => {
            let parts = body["content"].as_array().into_iter().flatten();
            parts.filter_map(said).collect::<Vec<_>>().join("\n")
        }
        "commandExecution" => text("command"),
        "fileChange" => {
            let changes = body["changes"].as_array().into_iter().flatten();
            changes.filter_map(|change| change["path"].as_str()).collect::<Vec<_>>().join(", ")
        }
        "reasoning" => {
            let parts = body["summary"].as_array().into_iter().flatten();
            parts.filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
        }
        "mcpToolCall" => format!("{}: {}", text("server"), text("tool")),
        "dynamicToolCall" => text("tool"),
        "webSearch" => text("query"),
        "agentMessage" | "plan" => text("text"),
        _ if text("text").is_empty() => kind.to_owned(),
        _ => text("text"),
    }
}

/// One part of what a person said, as text.
fn said(part: &Value) -> Option<String> {
    let text = |member: &str| part[member].as_str();
    let named = |what: &str, member: &str| text(member).map(|name| format!("[{what}: {name}]"));
    match text("type") {
        // It may hold the whole picture.
        Some("image") if text("url").is_some_and(|url| url.starts_with("data:")) => Some("[image]".to_owned()),
        Some("image") => named("image", "url"),
        Some("localImage") => named("image", "path"),
        Some("skill") => named("skill", "name"),
        Some("mention") => named("mention", "name"),
        _ => text("text").map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_has_its_line() {
        for (body, line) in [
            (json!({"type": "userMessage", "content": [{"text": "a"}, {"url": "b"}, {"text": "c"}]}), "a\nc"),
            (json!({"type": "commandExecution", "command": "ls", "text": "no"}), "ls"),
            (json!({"type": "fileChange", "changes": [{"path": "a"}, {"path": "b"}]}), "a, b"),
            (json!({"type": "reasoning", "summary": ["first", "then"]}), "first\nthen"),
            (json!({"type": "mcpToolCall", "server": "files", "tool": "read"}), "files: read"),
            (json!({"type": "plan", "text": "1. do it"}), "1. do it"),
            (json!({"type": "webSearch", "query": "weather"}), "weather"),
            (json!({"type": "dynamicToolCall", "tool": "lookup", "arguments": {}}), "lookup"),
            (json!({"type": "contextCompaction"}), "contextCompaction"),
            (json!({"type": "userMessage", "content": "odd"}), ""),
            (json!("odd"), ""),
        ] {
            assert_eq!(content(body["type"].as_str().unwrap_or_default(), &body), line, "{body}");
        }
    }

    #[test]
    fn what_a_person_said_is_text_whatever_it_was_made_of() {
        let parts = json!([
            {"type": "text", "text": "look"},
            {"type": "image", "url": "https://example.org/a.png"},
            {"type": "image", "url": "data:image/png;base64,AAAA"},
            {"type": "localImage", "path": "/p/b.png"},
            {"type": "skill", "name": "tidy", "path": "/s"},
            {"type": "mention", "name": "app", "path": "app://1"},
            {"type": "yet to come"},
        ]);
        let line = content("userMessage", &json!({ "content": parts }));
        let expected =
            "look\n[image: https://example.org/a.png]\n[image]\n[image: /p/b.png]\n[skill: tidy]\n[mention: app]";
        assert_eq!(line, expected);
    }
}
