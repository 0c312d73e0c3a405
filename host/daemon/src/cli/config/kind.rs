//! What a setting may be, and reading it from text.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{env, fmt};

use serde_json::{Value as Json, json};

/// What a setting may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// A path; in the file an absolute one.
    Path,
    /// The path of a program, or its name alone, which is looked up on `PATH`.
    Program,
    /// Paths; in the environment a list like that of `PATH`.
    Paths,
    /// `true` or `false`.
    Switch,
    /// A whole number between two others, both included.
    Number { min: u64, max: u64 },
    /// One of a few words.
    Words(&'static [&'static str]),
}

/// What a setting is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Path(PathBuf),
    Paths(Vec<PathBuf>),
    Switch(bool),
    Number(u64),
}

impl Kind {
    /// Reads it as the environment, a flag or the table of settings says it; `Err` says what it would have to be.
    pub(super) fn read(self, raw: &OsStr) -> Result<Value, String> {
        match self {
            Self::Path | Self::Program => return Ok(Value::Path(raw.into())),
            Self::Paths => {
                return Ok(Value::Paths(env::split_paths(raw).filter(|path| *path != Path::new("")).collect()));
            }
            _ => {}
        }
        let text = raw.to_str().ok_or_else(|| "it is not text".to_owned())?;
        match self {
            Self::Switch => switch(text).map(Value::Switch).ok_or_else(|| self.wants(text)),
            Self::Number { .. } => text.parse().map_err(|_| self.wants(text)).and_then(|number| self.number(number)),
            Self::Words(words) if !words.contains(&text) => Err(self.wants(text)),
            _ => Ok(Value::Text(text.to_owned())),
        }
    }

    /// Checks a number's bounds.
    pub(super) fn number(self, number: u64) -> Result<Value, String> {
        match self {
            Self::Number { min, max } if !(min..=max).contains(&number) => Err(self.wants(&number.to_string())),
            _ => Ok(Value::Number(number)),
        }
    }

    /// Says what it would have to be instead of what was found.
    pub(super) fn wants(self, found: &str) -> String {
        format!("{found:?} is not {self}")
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a text"),
            Self::Path => f.write_str("a path"),
            Self::Program => f.write_str("a program's path or name"),
            Self::Paths => f.write_str("paths"),
            Self::Switch => f.write_str("true or false"),
            Self::Number { min, max: u64::MAX } => write!(f, "a whole number from {min}"),
            Self::Number { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Words(words) => write!(f, "one of {}", words.join(", ")),
        }
    }
}

impl Value {
    /// For documents.
    pub(super) fn json(&self) -> Json {
        match self {
            Self::Text(text) => json!(text),
            Self::Path(path) => json!(path.to_string_lossy()),
            Self::Paths(paths) => paths.iter().map(|path| path.to_string_lossy()).collect(),
            Self::Switch(on) => json!(on),
            Self::Number(number) => json!(number),
        }
    }
}

/// The words that programs use for yes and no.
fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_reads_its_own_and_names_what_it_wants() {
        let small = Kind::Number { min: 1, max: 9 };
        let words = Kind::Words(&["a", "b"]);
        for (kind, text, read) in [
            (Kind::Text, "x", Ok(Value::Text("x".into()))),
            (Kind::Switch, "True", Ok(Value::Switch(true))),
            (Kind::Switch, "0", Ok(Value::Switch(false))),
            (Kind::Switch, "maybe", Err("\"maybe\" is not true or false")),
            (small, "9", Ok(Value::Number(9))),
            (small, "0", Err("\"0\" is not a whole number from 1 to 9")),
            (small, "-1", Err("\"-1\" is not a whole number from 1 to 9")),
            (words, "b", Ok(Value::Text("b".into()))),
            (words, "c", Err("\"c\" is not one of a, b")),
            (Kind::Paths, "/a::/b", Ok(Value::Paths(vec!["/a".into(), "/b".into()]))),
        ] {
            assert_eq!(kind.read(OsStr::new(text)), read.map_err(str::to_owned), "{text}");
        }
    }
}
