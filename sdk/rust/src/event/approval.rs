//! An approval that Codex asks for.

use serde_json::Value;

use super::{FileChange, text};

/// The kinds of events that ask for one.
pub(super) const KINDS: [&str; 4] = [
    "app_server.request.item.command_execution.request_approval",
    "app_server.request.item.file_change.request_approval",
    "app_server.request.exec_command_approval",
    "app_server.request.apply_patch_approval",
];

/// Codex asks whether it may do something.
#[derive(Debug, Clone, PartialEq)]
pub struct ApprovalRequested {
    /// What a decision is given for.
    pub approval: Approval,
    /// The item of the transcript that waits.
    pub item: Option<String>,
    /// What Codex wants to do.
    pub ask: Ask,
}

/// A pending approval, by its id: single use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Approval(pub String);

/// What Codex wants to do.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Ask {
    /// Run a command.
    Command {
        /// The command.
        line: CommandLine,
        /// The folder it would run in.
        folder: Option<String>,
    },
    /// Change files.
    FileChange {
        /// Which, and how.
        changes: Vec<FileChange>,
    },
    /// Something else; with everything that Codex said about it.
    Other(Value),
}

/// A command in one of the two ways in which Codex tells one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandLine {
    /// As text for a shell.
    Text(String),
    /// As words, the program first.
    Words(Vec<String>),
}

impl ApprovalRequested {
    /// Reads the event's payload: the approval as the host shows it, with what Codex said in its details.
    pub(super) fn read(mut payload: Value) -> Option<Self> {
        let shown = payload.pointer_mut("/house/payload")?;
        Some(Self {
            approval: Approval(text(&shown["approvalId"])?),
            item: text(&shown["itemId"]),
            ask: Ask::read(shown.get_mut("details").map(Value::take).unwrap_or_default()),
        })
    }
}

impl Ask {
    fn read(details: Value) -> Self {
        if let Some(line) = CommandLine::read(&details["command"]) {
            return Self::Command { line, folder: text(&details["cwd"]) };
        }
        match FileChange::read_all(&details["changes"]) {
            Some(changes) => Self::FileChange { changes },
            None => Self::Other(details),
        }
    }
}

impl CommandLine {
    fn read(command: &Value) -> Option<Self> {
        match command {
            Value::String(line) => Some(Self::Text(line.clone())),
            Value::Array(words) => words.iter().map(text).collect::<Option<_>>().map(Self::Words),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::ChangeKind;
    use super::*;

    fn read(details: Value) -> ApprovalRequested {
        let shown = json!({ "approvalId": "apr_1", "itemId": "call_1", "details": details });
        ApprovalRequested::read(json!({ "signal": {}, "house": { "type": "approval", "payload": shown } })).unwrap()
    }

    #[test]
    fn a_command_is_text_or_words() {
        let request = read(json!({ "command": "ls", "cwd": "/tmp" }));
        assert_eq!((request.approval, request.item), (Approval("apr_1".to_owned()), Some("call_1".to_owned())));
        let text = CommandLine::Text("ls".to_owned());
        assert_eq!(request.ask, Ask::Command { line: text, folder: Some("/tmp".to_owned()) });
        let words = CommandLine::Words(vec!["ls".to_owned()]);
        assert_eq!(read(json!({ "command": ["ls"] })).ask, Ask::Command { line: words, folder: None });
    }

    #[test]
    fn changes_of_files_come_with_what_they_change() {
        let changes = json!([
            { "path": "a.txt", "kind": { "type": "add" }, "diff": "hello\n" },
            { "path": "b.txt", "kind": { "type": "update", "move_path": "c.txt" }, "diff": "@@ -1 +1 @@" },
            { "path": "d.txt", "kind": { "type": "chmod" } },
        ]);
        let change = |path: &str, kind, diff: &str| FileChange { path: path.to_owned(), kind, diff: diff.to_owned() };
        let expected = vec![
            change("a.txt", ChangeKind::Add, "hello\n"),
            change("b.txt", ChangeKind::Update { moved_to: Some("c.txt".to_owned()) }, "@@ -1 +1 @@"),
            change("d.txt", ChangeKind::Other("chmod".to_owned()), ""),
        ];
        assert_eq!(read(json!({ "changes": changes })).ask, Ask::FileChange { changes: expected });
    }

    #[test]
    fn whatever_else_is_asked_is_kept_as_it_was_said() {
        for details in [json!({ "changes": [{}] }), json!({ "command": [1] }), Value::Null] {
            assert_eq!(read(details.clone()).ask, Ask::Other(details));
        }
    }
}
