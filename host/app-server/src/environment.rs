//! The environment of the child: the user's own, less what is none of its business.
//!
//! A deny-list and not an allow-list, because a turn's commands need the user's toolchains, proxies and locales, and
//! nobody can list those.

use std::ffi::{OsStr, OsString};

/// What is kept from the child for every embedder: this project's own settings and secrets, and its way to
/// the service manager.
const ALWAYS_DENIED: [&str; 5] =
    ["CODEX_MANAGER_*", "DATA_DIR", "AGENT_EXTENSION_RBAC_*", "NOTIFY_SOCKET", "WATCHDOG_*"];

/// What of the environment is taken away, and what is put in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Names that are taken away beside `CODEX_MANAGER_*`, `DATA_DIR`, `AGENT_EXTENSION_RBAC_*`, `NOTIFY_SOCKET` and
    /// `WATCHDOG_*`. A `*` at the end stands for any ending.
    pub deny: Vec<String>,
    /// Variables that are put in, also over a denied name; the last one of a name holds.
    pub set: Vec<(OsString, OsString)>,
}

impl Environment {
    /// The environment that is left of `user`.
    pub fn apply(&self, user: impl IntoIterator<Item = (OsString, OsString)>) -> Vec<(OsString, OsString)> {
        let kept = user.into_iter().filter(|(name, _)| !self.denies(name));
        let mut result: Vec<(OsString, OsString)> = Vec::new();
        for (name, value) in kept.chain(self.set.iter().cloned()) {
            result.retain(|(known, _)| *known != name);
            result.push((name, value));
        }
        result
    }

    fn denies(&self, name: &OsStr) -> bool {
        let name = name.as_encoded_bytes();
        let patterns = ALWAYS_DENIED.into_iter().chain(self.deny.iter().map(String::as_str));
        patterns.into_iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start.as_bytes()),
            None => name == pattern.as_bytes(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        text.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn secrets_go_and_toolchains_stay() {
        let table = [
            ("PATH", true),
            ("OPENAI_API_KEY", true),
            ("CODEX_HOME", true),
            ("CODEX_MANAGER", true),
            ("CODEX_MANAGER_TOKEN", false),
            ("DATA_DIR", false),
            ("DATA_DIRECTORY", true),
            ("MY_DATA_DIR", true),
            ("AGENT_EXTENSION_RBAC_JWT_SECRET", false),
            ("NOTIFY_SOCKET", false),
            ("WATCHDOG_USEC", false),
            ("HOUSE_SECRET", false),
            ("HOUSE_SECRETS", true),
            ("VAULT_", false),
            ("VAULT_KEY", false),
        ];
        let environment = Environment { deny: vec!["HOUSE_SECRET".into(), "VAULT_*".into()], set: Vec::new() };
        for (name, stays) in table {
            let left = environment.apply(pairs(&[(name, "1")]));
            assert_eq!(left.len(), usize::from(stays), "{name}");
        }
    }

    #[test]
    fn what_is_set_wins_and_stands_once() {
        let environment = Environment { deny: Vec::new(), set: pairs(&[("A", "2"), ("DATA_DIR", "x"), ("A", "3")]) };
        assert_eq!(
            environment.apply(pairs(&[("A", "1"), ("B", "1"), ("DATA_DIR", "secret")])),
            pairs(&[("B", "1"), ("DATA_DIR", "x"), ("A", "3")])
        );
    }
}
