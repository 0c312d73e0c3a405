//! Where a command's result goes: stdout, as text for people or exactly as the API said it.

use std::io::{self, Write, stdout};

use serde_json::Value;

use super::client::Answer;
use super::failure::Failure;

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// Small aligned text.
    Text,
    /// One JSON document, or one on each line of a stream.
    Json,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }

    /// Writes an answer; `text` says it for people.
    pub(super) fn answer(self, answer: &Answer, text: impl FnOnce(&Value) -> String) -> Result<(), Failure> {
        match self {
            Self::Json => self.line(&answer.text),
            Self::Text => self.line(&text(&answer.json)),
        }
    }

    /// Writes a document of our own; `text` says it for people.
    pub(super) fn document(self, document: &Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self {
            Self::Json => self.line(&document.to_string()),
            Self::Text => self.line(&text()),
        }
    }

    /// Writes a line at once, so that a reader of a pipe sees it when it happens.
    pub(super) fn line(self, line: &str) -> Result<(), Failure> {
        write_line(line).map_err(Failure::from)
    }
}

fn write_line(line: &str) -> io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(line.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}
