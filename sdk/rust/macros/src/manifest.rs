//! What the macro needs to know of `extension.toml`: which handlers and capabilities it declares.

use std::path::Path;

use toml::Table;

/// The names in a manifest.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// The handlers, such as `on-event`.
    pub(crate) handlers: Vec<String>,
    /// The capabilities, such as `kv`.
    pub(crate) capabilities: Vec<String>,
}

impl Manifest {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// A sentence with its path, when it cannot be read or is not TOML.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let path = path.display();
            format!("an extension says in extension.toml what it hears and may do; {path} cannot be read: {error}")
        })?;
        Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let table: Table = text.parse()?;
        let names = |section: &str| {
            let section = table.get(section).and_then(toml::Value::as_table);
            section.map(|section| section.keys().cloned().collect()).unwrap_or_default()
        };
        Ok(Self { handlers: names("handlers"), capabilities: names("capabilities") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_the_rest_is_left_to_the_host() {
        let text =
            "manifest = 1\n[handlers.on-event]\nkinds = [\"a\"]\n[capabilities.kv]\nwhat = 1\n[capabilities.log]\n";
        let manifest = Manifest::parse(text).unwrap();
        assert_eq!(manifest.handlers, ["on-event"]);
        assert_eq!(manifest.capabilities, ["kv", "log"]);
        assert_eq!(Manifest::parse("").unwrap(), Manifest::default());
    }

    #[test]
    fn a_manifest_that_cannot_be_read_is_named() {
        let told = Manifest::read(Path::new("nowhere/extension.toml")).unwrap_err();
        assert!(told.contains("nowhere/extension.toml cannot be read: "), "{told}");
    }
}
