//! Where a command's result goes: stdout, as text for people or exactly as the API said it.

use std::io::{self, Write, stderr, stdout};

use serde_json::Value;

use super::client::Answer;
use super::failure::Failure;
use super::plain::{cell, table};

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

    /// Writes a list: a line for each entry of `data`. What is said about it is said beside it: where to go on, or that
    /// there is `nothing`.
    pub(super) fn list<const N: usize>(
        self,
        answer: &Answer,
        headings: [&str; N],
        nothing: &str,
        row: impl Fn(&Value) -> [String; N],
    ) -> Result<(), Failure> {
        let rows: Vec<_> = answer.json["data"].as_array().into_iter().flatten().map(row).collect();
        self.rows(answer, headings, nothing, &rows)?;
        for (member, flag) in [("nextCursor", "--cursor"), ("nextBefore", "--before")] {
            let next = &answer.json[member];
            if self == Self::Text && !next.is_null() {
                remark(&format!("more: {flag} {}", cell(next)));
            }
        }
        Ok(())
    }

    /// The same, of rows that are made already.
    pub(super) fn rows<const N: usize>(
        self,
        answer: &Answer,
        headings: [&str; N],
        nothing: &str,
        rows: &[[String; N]],
    ) -> Result<(), Failure> {
        if self == Self::Text && rows.is_empty() {
            remark(nothing);
            return Ok(());
        }
        self.answer(answer, |_| table(headings, rows))
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

/// Says something about a result, on stderr. There is nowhere to report that nobody listens there.
pub(super) fn remark(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}
