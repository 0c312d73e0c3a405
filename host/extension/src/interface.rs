//! Names of interfaces as a component writes them: `codex-manager:kv/store@1.0.0`.

use std::fmt;
use std::str::FromStr;

use semver::Version;

/// An interface that a component imports or exports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interface {
    /// The package it belongs to, without a version: `codex-manager:kv`.
    pub package: String,
    /// Its name within the package: `store`.
    pub name: String,
    /// The version of the package that the component was built against.
    pub version: Option<Version>,
}

/// A name that is not that of an interface.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not the name of an interface")]
pub struct InterfaceError(String);

impl Interface {
    /// Package and name without the version: what the host's sentences call it.
    pub fn path(&self) -> String {
        format!("{}/{}", self.package, self.name)
    }
}

impl FromStr for Interface {
    type Err = InterfaceError;

    fn from_str(text: &str) -> Result<Self, InterfaceError> {
        parse(text).ok_or_else(|| InterfaceError(text.to_owned()))
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.package, self.name)?;
        match &self.version {
            Some(version) => write!(f, "@{version}"),
            None => Ok(()),
        }
    }
}

fn parse(text: &str) -> Option<Interface> {
    let (path, version) = match text.split_once('@') {
        Some((path, version)) => (path, Some(version.parse().ok()?)),
        None => (text, None),
    };
    let (package, name) = path.split_once('/')?;
    let (namespace, short) = package.split_once(':')?;
    let named = ![namespace, short, name].iter().any(|part| part.is_empty());
    named.then(|| Interface { package: package.to_owned(), name: name.to_owned(), version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_interface_has_three_parts_and_perhaps_a_version() {
        let kv: Interface = "codex-manager:kv/store@1.2.0".parse().expect("it is one");
        assert_eq!((kv.package.as_str(), kv.name.as_str()), ("codex-manager:kv", "store"));
        assert_eq!(kv.version, Some(Version::new(1, 2, 0)));
        assert_eq!(kv.to_string(), "codex-manager:kv/store@1.2.0");
        for bad in ["", "run", "a/b", "a:b", ":b/c", "a:/c", "a:b/", "a:b/c@", "a:b/c@x"] {
            assert!(bad.parse::<Interface>().is_err(), "{bad}");
        }
    }
}
