//! The journal of an invocation: what it asked its capabilities, and what they answered.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::exceeded::Exceeded;

/// One call of a capability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Which capability, by its name in a manifest.
    pub capability: String,
    /// Which of its functions.
    pub function: String,
    /// With what.
    pub arguments: Value,
    /// What it answered.
    pub answer: Value,
}

/// The journal while it is written.
#[derive(Default)]
pub(crate) struct Journal {
    entries: Vec<JournalEntry>,
    bytes: usize,
}

impl Journal {
    /// Adds an entry, unless there are too many or they are too large.
    pub(crate) fn add(&mut self, entry: JournalEntry, calls_max: u32, bytes_max: usize) -> Result<(), Exceeded> {
        self.bytes += entry.capability.len() + entry.function.len() + size(&entry.arguments) + size(&entry.answer);
        if self.entries.len() >= calls_max as usize {
            return Err(Exceeded::HostCalls(calls_max));
        }
        if self.bytes > bytes_max {
            return Err(Exceeded::Journal(bytes_max));
        }
        self.entries.push(entry);
        Ok(())
    }

    pub(crate) fn into_entries(self) -> Vec<JournalEntry> {
        self.entries
    }
}

/// About how much room a value takes.
fn size(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(size).sum(),
            Value::Object(members) => members.iter().map(|(name, value)| name.len() + size(value)).sum(),
            _ => 0,
        }
}
