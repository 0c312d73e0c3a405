//! Threads.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Empty, ItemEntry, Request, Told, Turn};

/// Starts a thread. It is in no list before its first turn.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ThreadStart {
    /// The working folder; Codex does not check that it exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// When Codex asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_policy: Option<String>,
    /// `read-only`, `workspace-write` or `danger-full-access`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// Settings over those of Codex's config file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
}

impl Request for ThreadStart {
    const METHOD: &'static str = "thread/start";
    type Answer = ThreadAnswer;
}

/// Loads a thread of an earlier life. It fails if another app-server on the same `CODEX_HOME` has it loaded.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ThreadResume {
    /// The thread.
    pub thread_id: String,
    /// Leave the turns out of the answer. Set it: with turns, Codex complains, and the line may be very long.
    pub exclude_turns: bool,
    /// The working folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// When Codex asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_policy: Option<String>,
    /// `read-only`, `workspace-write` or `danger-full-access`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
}

impl Request for ThreadResume {
    const METHOD: &'static str = "thread/resume";
    type Answer = Empty;
}

/// The answer to `thread/start` and `thread/read`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ThreadAnswer {
    /// The thread.
    pub thread: Told<Thread>,
}

/// Reads a thread, loaded or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ThreadRead {
    /// The thread.
    pub thread_id: String,
    /// With its turns. Codex complains about that: page them instead.
    pub include_turns: bool,
}

impl Request for ThreadRead {
    const METHOD: &'static str = "thread/read";
    type Answer = ThreadAnswer;
}

/// Lists the turns of a thread, the newest first unless told otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ThreadTurnsList {
    /// The thread.
    pub thread_id: String,
    /// Where to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// How many at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `asc` or `desc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_direction: Option<String>,
    /// `notLoaded`, `summary` or `full`: how much of their items comes along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items_view: Option<String>,
}

impl Request for ThreadTurnsList {
    const METHOD: &'static str = "thread/turns/list";
    type Answer = Page<Told<Turn>>;
}

/// Lists the items of a thread or of one turn, the oldest first unless told otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ThreadItemsList {
    /// The thread.
    pub thread_id: String,
    /// Only this turn's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<String>,
    /// Where to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// How many at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `asc` or `desc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_direction: Option<String>,
}

impl Request for ThreadItemsList {
    const METHOD: &'static str = "thread/items/list";
    type Answer = Page<ItemEntry>;
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "T: serde::de::DeserializeOwned"))]
pub struct Page<T> {
    /// What is on it.
    pub data: Vec<T>,
    /// Where the next one begins; `None` at the end.
    pub next_cursor: Option<String>,
}

/// A thread, as far as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Thread {
    /// Its id.
    pub id: String,
}
