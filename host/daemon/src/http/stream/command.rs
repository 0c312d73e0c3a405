//! What a client may say on the websocket.

use codex_manager_model::SessionId;
use serde::Deserialize;

/// A client's frame.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub(super) enum Command {
    /// Only this session from now on, in the place of what was asked for before.
    Subscribe { thread_id: SessionId },
    /// Everything from now on.
    Unsubscribe,
    /// Say something.
    Ping,
}

impl Command {
    /// What a text frame asks for, if it is understood.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // A list of the members' values would be taken for the object.
        let text = Some(text).filter(|text| text.trim_start().starts_with('{'))?;
        match serde_json::from_str(text).ok()? {
            Self::Subscribe { thread_id } if thread_id.as_str().is_empty() => None,
            command => Some(command),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_understood_or_not() {
        let subscribe = |id: &str| Some(Command::Subscribe { thread_id: SessionId::new(id) });
        let table = [
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
