//! What a client may say on the websocket.

use codex_manager_model::SessionId;
use codex_manager_model::limits::SUBSCRIPTION_NAMES_MAX;
use serde::Deserialize;

use super::ask::filter;
use crate::stream::Filter;

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Only this from now on, in the place of what was asked for before.
    Subscribe(Filter),
    /// Everything from now on.
    Unsubscribe,
    /// Say something.
    Ping,
}

/// A client's frame.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
enum Said {
    Subscribe {
        thread_id: Option<SessionId>,
        #[serde(default)]
        thread_ids: Vec<SessionId>,
        #[serde(default)]
        types: Vec<String>,
    },
    Unsubscribe,
    Ping,
}

impl Command {
    /// What a text frame asks for, if it is understood.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // A list of the members' values would be taken for the object.
        let text = Some(text).filter(|text| text.trim_start().starts_with('{'))?;
        match serde_json::from_str(text).ok()? {
            Said::Subscribe { thread_id, thread_ids, types } => subscription(thread_id, thread_ids, types),
            Said::Unsubscribe => Some(Self::Unsubscribe),
            Said::Ping => Some(Self::Ping),
        }
    }
}

/// Who subscribes names something, and nothing that is empty.
fn subscription(thread: Option<SessionId>, mut threads: Vec<SessionId>, types: Vec<String>) -> Option<Command> {
    threads.extend(thread);
    let is_named = !threads.is_empty() || !types.is_empty();
    let is_bounded = threads.len().max(types.len()) <= SUBSCRIPTION_NAMES_MAX;
    let is_empty = threads.iter().any(|thread| thread.as_str().is_empty()) || types.iter().any(String::is_empty);
    (is_named && is_bounded && !is_empty).then(|| Command::Subscribe(filter(&threads, types)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_understood_or_not() {
        let threads = |ids: &[&str]| Filter::threads(ids.iter().copied().map(SessionId::new));
        let subscribe = |id: &str| Some(Command::Subscribe(threads(&[id])));
        let of_types = |filter: Filter| Some(Command::Subscribe(filter.types(vec!["approval".to_owned()])));
        let many = format!(r#"{{"type":"subscribe","types":{:?}}}"#, vec!["a"; SUBSCRIPTION_NAMES_MAX + 1]);
        let table = [
            (r#"{"type":"subscribe","threadIds":["a","b"]}"#, Some(Command::Subscribe(threads(&["a", "b"])))),
            (
                r#"{"type":"subscribe","threadId":"b","threadIds":["a"]}"#,
                Some(Command::Subscribe(threads(&["a", "b"]))),
            ),
            (r#"{"type":"subscribe","threadIds":["a"],"types":["approval"]}"#, of_types(threads(&["a"]))),
            (r#"{"type":"subscribe","types":["approval"]}"#, of_types(Filter::everything())),
            (r#"{"type":"subscribe","threadIds":[]}"#, None),
            (r#"{"type":"subscribe","threadIds":["a",""]}"#, None),
            (r#"{"type":"subscribe","types":[""]}"#, None),
            (r#"{"type":"subscribe","types":"approval"}"#, None),
            (many.as_str(), None),
            (r#"{"type":"subscribe","threadId":"t1"}"#, subscribe("t1")),
            (r#"{"type":"subscribe","threadId":"t1","more":true}"#, subscribe("t1")),
            (r#"{"type":"unsubscribe"}"#, Some(Command::Unsubscribe)),
            (r#"{"type":"ping"}"#, Some(Command::Ping)),
            (r#"{"type":"subscribe"}"#, None),
            (r#"{"type":"subscribe","threadId":""}"#, None),
            (r#"{"type":"subscribe","threadId":7}"#, None),
            (r#"{"type":"Ping"}"#, None),
            (r#"{"type":"publish"}"#, None),
            (r#"["ping"]"#, None),
            ("ping", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(Command::parse(text), expected, "{text}");
        }
    }
}
