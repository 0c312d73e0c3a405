//! Words on the command line that mean the same in the API: each is spelled once, in the model.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use codex_manager_model::{ApprovalPolicy, Decision, DecisionScope, FilesystemSandbox, NetworkAccess, Role};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A type that is one of a few words.
pub(super) trait Word: DeserializeOwned + Clone + Send + Sync + 'static {
    /// The words, as the API spells them.
    const WORDS: &'static [&'static str];
}

impl Word for ApprovalPolicy {
    const WORDS: &'static [&'static str] = &["untrusted", "on-failure", "on-request", "never"];
}

impl Word for NetworkAccess {
    const WORDS: &'static [&'static str] = &["restricted", "enabled"];
}

impl Word for FilesystemSandbox {
    const WORDS: &'static [&'static str] = &["read-only", "workspace-write", "danger-full-access"];
}

impl Word for Role {
    const WORDS: &'static [&'static str] = &["viewer", "operator", "admin"];
}

impl Word for Decision {
    const WORDS: &'static [&'static str] = &["accept", "decline", "cancel"];
}

impl Word for DecisionScope {
    const WORDS: &'static [&'static str] = &["turn", "session"];
}

/// Takes one of the type's words, and shows them all in the help.
pub(super) fn word<T: Word>() -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(T::WORDS).try_map(|word| serde_json::from_value::<T>(Value::String(word)))
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::Serialize;

    use super::*;

    fn check<T: Word + Serialize + Debug>() {
        for word in T::WORDS {
            let read: T = serde_json::from_value((*word).into()).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), *word, "{read:?}");
        }
        let unknown = serde_json::from_str::<T>("\"no such word\"").unwrap_err().to_string();
        assert_eq!(unknown.matches('`').count() - 2, 2 * T::WORDS.len(), "all words are listed here: {unknown}");
    }

    #[test]
    fn the_words_are_those_of_the_model() {
        check::<ApprovalPolicy>();
        check::<NetworkAccess>();
        check::<FilesystemSandbox>();
        check::<Role>();
        check::<Decision>();
        check::<DecisionScope>();
    }
}
