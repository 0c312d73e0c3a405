//! The version of the child, out of its user agent.

use std::fmt;

/// The oldest Codex that this crate speaks with.
pub const VERSION_MIN: Version = Version { major: 0, minor: 169, patch: 0, prerelease: None };

/// A version, as far as it matters for "old enough to be refused".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The first number.
    pub major: u64,
    /// The second number.
    pub minor: u64,
    /// The third number.
    pub patch: u64,
    /// What stands behind a dash, where it comes before the version that the numbers name.
    pub prerelease: Option<String>,
}

impl Version {
    /// Reads the version out of a user agent like `codex_manager/0.169.0 (Debian 12.0.0; x86_64) xterm`. The name before
    /// the slash is the client's own and may hold anything, so the version is looked for before the parenthesis, from
    /// the end.
    pub(crate) fn of_user_agent(user_agent: &str) -> Option<Self> {
        let product = user_agent.split(" (").next()?;
        Self::parse(product.rsplit('/').next()?.trim())
    }

    /// Reads `0.169.0`, or `0.170.0-alpha.3`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.split('+').next()?;
        let (numbers, prerelease) = match text.split_once('-') {
            Some((numbers, name)) => (numbers, Some(name.to_owned())),
            None => (text, None),
        };
        let mut numbers = numbers.split('.').map(|number| number.parse().ok());
        let version = Self { major: numbers.next()??, minor: numbers.next()??, patch: numbers.next()??, prerelease };
        numbers.next().is_none().then_some(version)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let numbers = |version: &Self| (version.major, version.minor, version.patch);
        let released = |version: &Self| version.prerelease.is_none();
        (numbers(self), released(self), &self.prerelease).cmp(&(numbers(other), released(other), &other.prerelease))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        self.prerelease.iter().try_for_each(|name| write!(f, "-{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_gated() {
        let table = [
            ("probe/0.169.0 (Debian 12.0.0; x86_64) xterm (probe; 0.0.1)", Some(true)),
            ("a/b/c/0.169.1 (X; y/9.9.9)", Some(true)),
            ("my probe/1.0.0", Some(true)),
            ("p/0.170.0-alpha.3 (X)", Some(true)),
            ("p/0.1000.0+build.7 (X)", Some(true)),
            ("p/0.169.0-alpha.1 (X)", Some(false)),
            ("p/0.168.99 (X)", Some(false)),
            ("p/0.0.0 (X)", Some(false)),
            ("p/0.169 (X)", None),
            ("p/0.169.0.1 (X)", None),
            ("codex", None),
            ("", None),
        ];
        for (user_agent, passes) in table {
            let found = Version::of_user_agent(user_agent).map(|version| version >= VERSION_MIN);
            assert_eq!(found, passes, "{user_agent}");
        }
    }
}
