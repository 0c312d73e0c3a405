//! The id of an extension.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest half of an id.
const HALF_CHARS_MAX: usize = 40;

/// `owner.name`: both halves of lower-case letters, digits and inner dashes, starting with a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ExtensionId(String);

/// Text that is no id.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not an id: it should be owner.name, each of lower-case letters, digits and inner dashes")]
pub struct ExtensionIdError(String);

impl ExtensionId {
    /// The id as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The half after the dot.
    pub fn name(&self) -> &str {
        self.0.split_once('.').map_or("", |(_, name)| name)
    }
}

impl FromStr for ExtensionId {
    type Err = ExtensionIdError;

    fn from_str(text: &str) -> Result<Self, ExtensionIdError> {
        match text.split_once('.') {
            Some((owner, name)) if is_half(owner) && is_half(name) => Ok(Self(text.to_owned())),
            _ => Err(ExtensionIdError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for ExtensionId {
    type Error = ExtensionIdError;

    fn try_from(text: String) -> Result<Self, ExtensionIdError> {
        text.parse()
    }
}

impl From<ExtensionId> for String {
    fn from(id: ExtensionId) -> Self {
        id.0
    }
}

impl fmt::Display for ExtensionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// No dot and no slash pass here, so an id is also a safe name of a folder.
fn is_half(text: &str) -> bool {
    text.len() <= HALF_CHARS_MAX
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_owner_and_name() {
        for good in ["acme.guard", "acme-2.pr-guard", "a.b"] {
            assert_eq!(good.parse::<ExtensionId>().expect(good).to_string(), good);
        }
        for bad in
            ["", "guard", ".guard", "acme.", "Acme.guard", "acme.guard.x", "acme.-x", "acme.x-", "acme/../x.y", "a.1"]
        {
            assert!(bad.parse::<ExtensionId>().is_err(), "{bad}");
        }
    }
}
