//! What the document of the API shows of sessions.

use serde_json::Value;

/// A session in one line.
pub(super) const SESSION: &str = r#"{
    "sessionId": "01a2023a-2869-7641-b008-dc6b82c4f0ac", "title": "Tidy the tests", "materialized": true,
    "modelProvider": "openai", "approvalPolicy": "untrusted",
    "sessionControls": {
        "model": null, "approvalPolicy": "untrusted", "networkAccess": "restricted",
        "filesystemSandbox": "read-only", "settings": {}
    },
    "createdAt": 1795333695, "updatedAt": 1795333712, "cwd": "/home/me/project", "source": "vscode",
    "projectId": null, "threadMissing": false
}"#;

/// A thread of Codex, in part.
pub(super) const THREAD: &str = r#"{
    "id": "01a2023a-2869-7641-b008-dc6b82c4f0ac", "preview": "Tidy the tests", "modelProvider": "openai",
    "createdAt": 1795333695, "updatedAt": 1795333712, "cwd": "/home/me/project", "source": "vscode", "turns": []
}"#;

/// The id of that session.
pub(super) const ID: &str = "01a2023a-2869-7641-b008-dc6b82c4f0ac";
/// The id of a turn of it.
pub(super) const TURN: &str = "01a2023a-2885-7571-a352-1c468444d35c";

/// An example as a value.
pub(super) fn example(text: &str) -> Value {
    serde_json::from_str(text).expect("examples are written here, as JSON")
}
