//! A session's transcript: the child's history, beside it what only our own log knows, such as the answer that was cut
//! short when the child died, and what others have written into it.

use std::collections::{HashMap, HashSet};

use codex_manager_app_server::protocol::{Request, ThreadRead, ThreadTurnsList};
use codex_manager_app_server::{AppServer, CallError};
use codex_manager_model::{Item, ItemStatus, Session, SessionId, TranscriptEntry, TranscriptRole, TurnId, limits};
use codex_manager_store::{Store, View};
use serde_json::{Value, json};

use super::child::unanswered;
use super::synthetic::without_repeats;
use super::timing::Times;
use super::{Error, supplement};

/// How many turns one page of the child's history holds, and how many pages are read at most.
const TURNS_PAGE: u32 = 50;
const PAGES_MAX: usize = 200;

/// What the child says of a thread that it has not loaded, or of which nothing was written down.
const UNWRITTEN: [&str; 3] = ["not materialized", "not loaded", "no rollout"];

/// Reads transcripts.
#[derive(Clone)]
pub(super) struct History {
    store: Store,
    child: AppServer,
}

impl History {
    pub(super) fn new(store: Store, child: AppServer) -> Self {
        Self { store, child }
    }

    /// The thread with its turns, and the transcript.
    pub(super) async fn read(&self, session: &Session) -> Result<(Value, Vec<TranscriptEntry>), Error> {
        let params = ThreadRead { thread_id: session.id.to_string(), include_turns: false };
        let told = self.ask(&session.id, params).await?;
        let mut thread = told.map_or_else(|| json!({ "id": session.id }), |answer| answer.thread.raw);
        let turns = self.turns(&session.id).await?;
        let wanted = session.id.clone();
        let read = move |view: &View<'_>| {
            Ok((view.turns_of(&wanted)?, view.items_of(&wanted)?, view.transcript_entries(&wanted)?))
        };
        let (our_turns, ours, others) = self.store.read::<_, Error, _>(read).await?;
        let times = Times::of(&our_turns, &turns);
        let rows = without_repeats(assemble(&turns, &ours));
        let transcript = supplement::join(rows, others).into_iter().map(|row| times.fill(row)).collect();
        thread["turns"] = Value::Array(turns);
        Ok((thread, transcript))
    }

    /// All turns, oldest first, with their items.
    async fn turns(&self, id: &SessionId) -> Result<Vec<Value>, Error> {
        let mut turns = Vec::new();
        let mut params = ThreadTurnsList {
            thread_id: id.to_string(),
            limit: Some(TURNS_PAGE),
            sort_direction: Some("asc".to_owned()),
            items_view: Some("full".to_owned()),
            ..ThreadTurnsList::default()
        };
        for _ in 0..PAGES_MAX {
            let Some(page) = self.ask(id, params.clone()).await? else { break };
            turns.extend(page.data.into_iter().map(|turn| turn.raw));
            params.cursor = page.next_cursor;
            if params.cursor.is_none() {
                break;
            }
        }
        Ok(turns)
    }

    /// What the child tells; `None` when it knows nothing, or says nothing that makes sense: our own log answers then.
    /// Nothing is to be done, so a client need not wait longer than for what is.
    async fn ask<R: Request>(&self, id: &SessionId, params: R) -> Result<Option<R::Answer>, Error> {
        match self.child.request_within(params, limits::OPERATION_WAIT_MAX).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if is_unwritten(&error) => Ok(None),
            Err(CallError::Malformed { method, source }) => {
                tracing::warn!(%source, method, session = %id, "the child tells of a thread what is not understood");
                Ok(None)
            }
            Err(error) => Err(unanswered(error).with("sessionId", id.as_str())),
        }
    }
}

/// Whether the child says that it has nothing written down of a thread.
pub(crate) fn is_unwritten(error: &CallError) -> bool {
    matches!(error, CallError::Rejected { message, .. } if UNWRITTEN.iter().any(|words| message.contains(words)))
}

/// Rows in the order of the child's turns; what only we know comes at the end of its turn, and turns that only we know at
/// the end.
fn assemble(turns: &[Value], ours: &[Item]) -> Vec<TranscriptEntry> {
    let known: HashMap<&str, &Item> = ours.iter().map(|item| (item.id.as_str(), item)).collect();
    let mut told: HashSet<&str> = HashSet::new();
    let mut rows = Vec::new();
    for turn in turns {
        let turn_id = turn["id"].as_str().unwrap_or_default();
        for item in turn["items"].as_array().into_iter().flatten() {
            let id = item["id"].as_str().unwrap_or_default();
            told.insert(id);
            rows.push(row(id, turn_id, item, known.get(id).copied()));
        }
        for item in ours.iter().filter(|item| item.turn.as_str() == turn_id) {
            if told.insert(item.id.as_str()) {
                rows.push(row(item.id.as_str(), turn_id, &item.body, Some(item)));
            }
        }
    }
    for item in ours {
        if told.insert(item.id.as_str()) {
            rows.push(row(item.id.as_str(), item.turn.as_str(), &item.body, Some(item)));
        }
    }
    rows
}

/// The row of an item, as far as our own log knows it.
pub(crate) fn item_row(item: &Item) -> TranscriptEntry {
    row(item.id.as_str(), item.turn.as_str(), &item.body, Some(item))
}

/// One row, as clients know it. What the child tells comes first; ours adds times, the way it ended, and the text of
/// what the child has forgotten.
fn row(id: &str, turn: &str, body: &Value, ours: Option<&Item>) -> TranscriptEntry {
    let kind = body["type"].as_str().or(ours.map(|item| item.kind.as_str())).unwrap_or("unknown");
    let mut content = content(kind, body);
    // A command's text is its output, which stands in the details.
    if let Some(item) = ours.filter(|item| kind != "commandExecution" && item.text.len() > content.len()) {
        content.clone_from(&item.text);
    }
    let role = match kind {
        "userMessage" => TranscriptRole::User,
        "agentMessage" => TranscriptRole::Assistant,
        _ => TranscriptRole::System,
    };
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
    use codex_manager_model::ItemId;
    use jiff::Timestamp;

    use super::*;

    fn ours(id: &str, turn: &str, text: &str, status: ItemStatus) -> Item {
        Item {
            id: ItemId::new(id),
            session: SessionId::new("s"),
            turn: TurnId::new(turn),
            kind: "agentMessage".into(),
            status,
            text: text.into(),
            body: json!({"type": "agentMessage", "id": id, "text": ""}),
            started_at: Timestamp::UNIX_EPOCH,
            completed_at: None,
        }
    }

    #[test]
    fn an_answer_that_the_child_forgot_stands_in_its_turn() {
        let turns = [
            json!({"id": "t1", "items": [{"type": "userMessage", "id": "u1", "content": [{"text": "hi"}]}]}),
            json!({"id": "t2", "items": [{"type": "userMessage", "id": "u2", "content": [{"text": "again"}]}]}),
        ];
        let rows = assemble(&turns, &[ours("a1", "t1", "half an ans", ItemStatus::Canceled)]);
        let told: Vec<_> = rows.iter().map(|row| (row.message_id.as_str(), row.content.as_str(), row.status)).collect();
        let (complete, canceled) = (ItemStatus::Complete, ItemStatus::Canceled);
        assert_eq!(told, [("u1", "hi", complete), ("a1", "half an ans", canceled), ("u2", "again", complete)]);
    }

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

    #[test]
    fn an_item_that_both_know_is_one_row() {
        let turns = [json!({"id": "t1", "items": [{"type": "agentMessage", "id": "a1", "text": "whole"}]})];
        let rows = assemble(&turns, &[ours("a1", "t1", "who", ItemStatus::Complete)]);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].content, "whole");
    }
}
