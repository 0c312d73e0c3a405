//! Turns and their items.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Request, Told};

/// Starts a turn. On a thread whose turn is still running it silently becomes a steer: the answer then holds the
/// running turn's id, and what the model was saying is dropped. Whoever does not want that asks first.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnStart {
    /// The thread, which must be loaded: started or resumed in this life.
    pub thread_id: String,
    /// What the user says.
    pub input: Vec<UserInput>,
    /// Comes back as `clientId` of the user message, so that a call whose answer was lost can be found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_user_message_id: Option<String>,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How hard it thinks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// When Codex asks. `untrusted` is taken here, but makes Codex exit when it stands in its config file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_policy: Option<String>,
    /// What commands may do, as Codex's tagged object (`{"type": "readOnly"}`, …).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox_policy: Option<Value>,
    /// The working folder, from this turn on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
}

impl Request for TurnStart {
    const METHOD: &'static str = "turn/start";
    type Answer = TurnStartAnswer;
}

/// Something that the user says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum UserInput {
    /// Text. Codex takes at most 1 048 576 characters.
    Text {
        /// The text.
        text: String,
    },
}

impl UserInput {
    /// Text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
}

/// The answer to `turn/start`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TurnStartAnswer {
    /// The turn that takes the input.
    pub turn: Told<Turn>,
}

/// A turn, as far as it is read. Its `items` are not: they are a summary at best. Items are collected from
/// notifications, or paged with [`ThreadItemsList`](super::ThreadItemsList).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Turn {
    /// Its id.
    pub id: String,
    /// `inProgress`, `completed`, `failed`, `interrupted`, or a word to come.
    pub status: String,
}

/// An item, as far as it is read. The rest depends on its kind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// The `clientUserMessageId` of the call that said it, of a user message.
    pub client_id: Option<String>,
}

/// One row of `thread/items/list`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemEntry {
    /// The turn it belongs to.
    pub turn_id: Option<String>,
    /// The item.
    pub item: Item,
}
