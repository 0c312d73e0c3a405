//! Reading Codex's thread objects. Untrusted text: a member that is missing or odd gets a harmless default.

use codex_manager_model::{Controls, Session, SessionId};
use jiff::Timestamp;
use serde_json::Value;

/// The session that a thread object tells of; `None` when it has no id.
pub(crate) fn session(thread: &Value, now: Timestamp) -> Option<Session> {
    let text = |member: &str| thread[member].as_str().unwrap_or_default().to_owned();
    let seconds = |member: &str| thread[member].as_i64().and_then(|s| Timestamp::from_second(s).ok()).unwrap_or(now);
    Some(Session {
        project: None,
        worker: None,
        thread_missing: false,
        id: SessionId::new(thread["id"].as_str().filter(|id| !id.is_empty())?),
        title: thread["name"].as_str().filter(|name| *name != UNNAMED).map(str::to_owned),
        preview: text("preview"),
        cwd: text("cwd"),
        source: source(&thread["source"]),
        model_provider: text("modelProvider"),
        materialized: !text("preview").is_empty(),
        archived: false,
        controls: Controls::default(),
        created_at: seconds("createdAt"),
        updated_at: seconds("updatedAt"),
    })
}

/// What a session is called before anybody or anything names it.
pub(crate) const UNNAMED: &str = "New chat";

/// What we have Codex note of a thread that we start for a worker, and what it then says of it.
pub(crate) const OF_WORKER: &str = "codex-manager-worker";

/// `source` is a word, or an object such as `{"subAgent": …}`.
fn source(value: &Value) -> String {
    match value {
        Value::String(word) => word.clone(),
        Value::Object(object) if object.contains_key("subAgent") => "subAgent".to_owned(),
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_thread_is_read_with_harmless_defaults() {
        let now = Timestamp::from_second(9).unwrap();
        let read =
            session(&json!({"id": "t", "createdAt": 5, "source": {"subAgent": {}}, "name": "New chat"}), now).unwrap();
        assert_eq!((read.id.as_str(), read.source.as_str(), read.title), ("t", "subAgent", None));
        assert_eq!((read.created_at.as_second(), read.updated_at), (5, now));
        assert_eq!(session(&json!({"id": ""}), now), None);
        assert_eq!(session(&json!("odd"), now), None);
    }
}
