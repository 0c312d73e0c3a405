//! A vocabulary as a file: what a host that embeds this crate gives to those who build extensions for it.
//!
//! ```json
//! { "vocabulary": 1,
//!   "handlers": { "on-event": { "name": "codex-manager:on-event", "version": "1.0.0" } },
//!   "events": { "door.knocked": { "sentence": "each knock at the door", "interaction": { "noun": "knock", "pointer": "/knock" } },
//!               "door.*": { "sentence": "what happens at doors" }, "door.draught": { "sentence": "", "ephemeral": true } },
//!   "withheld": { "alarm_": "alarms are not for extensions" },
//!   "actions": { "door.open": { "sentence": "open the door", "claim": { "noun": "knock", "pointer": "/knock" }, "verdict": "accept" } },
//!   "capabilities": { "doors": { "package": { "name": "acme:doors", "version": "2.1.0" }, "sentence": "knock at doors",
//!                                "parameters": { "names": "texts" }, "wider": [] } },
//!   "ambient": [{ "name": "wasi:io/streams", "version": "0.2.6" }] }
//! ```
//!
//! The members are those of [`Vocabulary`], each may be left out, and others are refused.

use serde::Serialize;
use serde_json::{Map, Value};

use super::Vocabulary;

/// The one version of the form, and the member that says it.
const FORMAT: u64 = 1;
const FORMAT_KEY: &str = "vocabulary";

/// The file.
#[derive(Serialize)]
struct File<'a> {
    vocabulary: u64,
    #[serde(flatten)]
    members: &'a Vocabulary,
}

/// Why a text is no vocabulary.
#[derive(Debug, thiserror::Error)]
pub enum VocabularyError {
    /// It is not JSON, or has other members.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// It does not say that it is one.
    #[error("it is no vocabulary of a host: it has no `\"vocabulary\": 1`")]
    Other,
    /// It has a form that is not known here.
    #[error("vocabularies of version {FORMAT} are read here, and this one is of {0}")]
    Version(u64),
}

impl Vocabulary {
    /// The vocabulary as a file, to be read with [`from_json`](Self::from_json).
    ///
    /// # Errors
    ///
    /// When it cannot be said in JSON, which none is known for.
    pub fn to_json(&self) -> Result<String, VocabularyError> {
        Ok(serde_json::to_string_pretty(&File { vocabulary: FORMAT, members: self })? + "\n")
    }

    /// Reads such a file.
    ///
    /// # Errors
    ///
    /// [`VocabularyError`]
    pub fn from_json(text: &str) -> Result<Self, VocabularyError> {
        let mut members: Map<String, Value> = serde_json::from_str(text)?;
        match members.remove(FORMAT_KEY).and_then(|format| format.as_u64()) {
            Some(FORMAT) => Ok(serde_json::from_value(members.into())?),
            Some(other) => Err(VocabularyError::Version(other)),
            None => Err(VocabularyError::Other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::house;

    /// What stands at the head of this file.
    fn documented() -> String {
        let lines = include_str!("file.rs").lines().map_while(|line| line.strip_prefix("//!"));
        lines.skip_while(|line| *line != " ```json").skip(1).take_while(|line| *line != " ```").collect()
    }

    #[test]
    fn a_file_says_all_that_a_vocabulary_does() {
        let file = house().to_json().expect("a file");
        assert_eq!(Vocabulary::from_json(&file).expect("it is read"), house());
        assert!(file.starts_with("{\n  \"vocabulary\": 1,\n"), "{file}");
    }

    #[test]
    fn the_documented_form_is_the_form() {
        let documented = documented();
        let read = Vocabulary::from_json(&documented).expect("it is read");
        let again: Value = serde_json::from_str(&read.to_json().expect("a file")).expect("JSON");
        assert_eq!(again, serde_json::from_str::<Value>(&documented).expect("JSON"), "every member of it");
    }

    #[test]
    fn another_file_is_told_from_one() {
        for (text, told) in [
            ("[1]", "invalid type"),
            ("{}", "it is no vocabulary of a host"),
            (r#"{ "vocabulary": 2 }"#, "vocabularies of version 1 are read here, and this one is of 2"),
            (r#"{ "vocabulary": 1, "event": {} }"#, "unknown field `event`"),
            (r#"{ "vocabulary": 1, "events": { "a": { "ephemral": true } } }"#, "unknown field `ephemral`"),
        ] {
            let error = Vocabulary::from_json(text).expect_err(text).to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
