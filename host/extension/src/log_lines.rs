//! What an invocation logs: through the capability `log`, and through its standard output and error.

use std::convert::Infallible;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::exceeded::Exceeded;

/// How Rust's standard library begins to tell of a panic, and how it ends.
const PANIC: &str = "panicked at ";
const PANIC_ADVICE: &str = "note: run with `RUST_BACKTRACE";

/// How much a line matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For whoever follows each step.
    Trace,
    /// For whoever looks for a mistake.
    Debug,
    /// Worth knowing.
    #[default]
    Info,
    /// Something is not as it should be.
    Warn,
    /// Something went wrong.
    Error,
}

/// A line of an extension's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// What it says.
    pub message: String,
}

impl FromStr for Level {
    type Err = Infallible;

    /// A word that is no level counts as [`Level::Info`].
    fn from_str(word: &str) -> Result<Self, Infallible> {
        Ok(match word {
            "trace" => Self::Trace,
            "debug" => Self::Debug,
            "warn" => Self::Warn,
            "error" => Self::Error,
            _ => Self::Info,
        })
    }
}

/// The lines of one invocation, shared with its standard output and error.
#[derive(Clone)]
pub(crate) struct LogLines(Arc<Mutex<Inner>>);

struct Inner {
    lines: Vec<LogLine>,
    bytes_left: usize,
    full: Exceeded,
    lines_max: usize,
}

impl LogLines {
    pub(crate) fn new(bytes: usize, lines: usize) -> Self {
        let full = Exceeded::Log { bytes, lines };
        Self(Arc::new(Mutex::new(Inner { lines: Vec::new(), bytes_left: bytes, full, lines_max: lines })))
    }

    /// Adds lines, one for each in `text` but the advice after a panic: nobody can set a guest's environment.
    pub(crate) fn write(&self, level: Level, text: &str) -> Result<(), Exceeded> {
        let mut inner = self.inner();
        for line in text.lines().filter(|line| !line.starts_with(PANIC_ADVICE)) {
            if inner.lines.len() == inner.lines_max || line.len() > inner.bytes_left {
                return Err(inner.full);
            }
            inner.bytes_left -= line.len();
            inner.lines.push(LogLine { level, message: line.to_owned() });
        }
        Ok(())
    }

    /// What it said last at this level or above. Of a panic, that is its place and its message, which are lines of their
    /// own.
    pub(crate) fn last(&self, level: Level) -> Option<String> {
        let inner = self.inner();
        let lines = inner.lines.iter().filter(|line| line.level >= level).map(|line| line.message.trim());
        let said: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
        let panic = said.iter().enumerate().rev().find_map(|(at, line)| Some((at, line.find(PANIC)?)));
        match panic {
            Some((at, begin)) => {
                Some(format!("{} {}", &said[at][begin..], said[at + 1..].join(" ")).trim_end().to_owned())
            }
            None => said.last().map(|line| (*line).to_owned()),
        }
    }

    /// Takes all lines out.
    pub(crate) fn take(&self) -> Vec<LogLine> {
        std::mem::take(&mut self.inner().lines)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_takes_so_many_lines_and_bytes_and_no_more() {
        let few_lines = LogLines::new(100, 2);
        assert!(few_lines.write(Level::Info, "a\nb").is_ok());
        assert!(few_lines.write(Level::Info, "c").is_err());
        let few_bytes = LogLines::new(3, 100);
        assert!(few_bytes.write(Level::Warn, "abc").is_ok());
        assert!(few_bytes.write(Level::Error, "d").is_err());
        assert_eq!(few_bytes.last(Level::Warn).as_deref(), Some("abc"));
        assert_eq!(few_bytes.take(), [LogLine { level: Level::Warn, message: "abc".to_owned() }]);
    }

    #[test]
    fn the_last_words_are_what_a_panic_said_and_where_and_never_a_blank() {
        let panic = "\nthread '<unnamed>' (1) panicked at src/lib.rs:12:87:\nno door\nat all\n\
                     note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
        let told = "panicked at src/lib.rs:12:87: no door at all";
        for (said, words) in [
            (&[(Level::Warn, panic)][..], Some(told)),
            (&[(Level::Error, "it burns"), (Level::Warn, "\n \n"), (Level::Info, "well")], Some("it burns")),
            (&[(Level::Warn, "careful"), (Level::Warn, panic), (Level::Info, "well")], Some(told)),
            (&[(Level::Info, "well"), (Level::Warn, "\n")], None),
        ] {
            let log = LogLines::new(1000, 100);
            for (level, text) in said {
                log.write(*level, text).expect("it fits");
            }
            assert_eq!(log.last(Level::Warn).as_deref(), words);
            assert!(log.take().iter().all(|line| !line.message.contains("RUST_BACKTRACE")));
        }
    }
}
