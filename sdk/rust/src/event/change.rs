//! A change of one file.

use serde_json::Value;

use super::text;

/// What Codex wants to do to a file, or did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The file.
    pub path: String,
    /// What happens to it.
    pub kind: ChangeKind,
    /// A file that is new or goes: its text. One that is changed: a unified diff.
    pub diff: String,
}

/// What happens to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeKind {
    /// It is new.
    Add,
    /// It goes.
    Delete,
    /// It is changed, and moves to another path where one is given.
    Update {
        /// Its path afterwards.
        moved_to: Option<String>,
    },
    /// Something else, in Codex's word.
    Other(String),
}

impl FileChange {
    /// Reads a list of them; `None` where it is none.
    pub(super) fn read_all(changes: &Value) -> Option<Vec<Self>> {
        changes.as_array()?.iter().map(Self::read).collect()
    }

    fn read(change: &Value) -> Option<Self> {
        let kind = &change["kind"];
        let kind = match kind["type"].as_str()? {
            "add" => ChangeKind::Add,
            "delete" => ChangeKind::Delete,
            "update" => ChangeKind::Update { moved_to: text(&kind["move_path"]) },
            other => ChangeKind::Other(other.to_owned()),
        };
        Some(Self { path: text(&change["path"])?, kind, diff: text(&change["diff"]).unwrap_or_default() })
    }
}
