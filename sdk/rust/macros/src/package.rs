//! The packages of the boundary: those in `wit/`, and an embedder's own in an extension's folder.

use std::borrow::Cow;

/// The world of a package that says what a component imports to use it.
const IMPORTS: &str = "imports";

/// One package: the text of its file.
#[derive(Debug, Clone)]
pub(crate) struct Package(Cow<'static, str>);

impl Package {
    pub(crate) const EVENTS: Self = Self::known(include_str!("../../../../wit/events/events.wit"));
    pub(crate) const ACTIONS: Self = Self::known(include_str!("../../../../wit/actions/actions.wit"));
    pub(crate) const ON_EVENT: Self = Self::known(include_str!("../../../../wit/on-event/on-event.wit"));
    pub(crate) const LOG: Self = Self::known(include_str!("../../../../wit/log/log.wit"));
    pub(crate) const CONFIG: Self = Self::known(include_str!("../../../../wit/config/config.wit"));
    pub(crate) const KV: Self = Self::known(include_str!("../../../../wit/kv/kv.wit"));
    pub(crate) const SESSIONS: Self = Self::known(include_str!("../../../../wit/sessions/sessions.wit"));

    const fn known(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// The package in an author's file.
    ///
    /// # Errors
    ///
    /// What it lacks.
    pub(crate) fn own(text: String) -> Result<Self, &'static str> {
        let package = Self(Cow::Owned(text));
        if package.namespace().is_empty() {
            return Err("it does not begin with `package namespace:name@version;`");
        }
        if !package.0.contains(&format!("world {IMPORTS} ")) {
            return Err("it has no `world imports { … }` that imports its interfaces");
        }
        Ok(package)
    }

    /// `acme` of `acme:doors@1.0.0`: the Rust module that its bindings are in, with `_` for `-`.
    pub(crate) fn namespace(&self) -> String {
        self.name().split_once(':').map(|(namespace, _)| namespace.replace('-', "_")).unwrap_or_default()
    }

    /// A world of its own by the path that another package uses: `acme:doors/imports@1.0.0`.
    pub(crate) fn world(&self, world: &str) -> String {
        match self.name().split_once('@') {
            Some((path, version)) => format!("{path}/{world}@{version}"),
            None => format!("{}/{world}", self.name()),
        }
    }

    /// The world that imports all of it.
    pub(crate) fn imports(&self) -> String {
        self.world(IMPORTS)
    }

    /// Its text as a part of a larger document: `package name;` at its head becomes `package name { … }`.
    pub(crate) fn nested(&self) -> String {
        let line = self.line();
        format!("{}\n}}\n", self.0.replacen(line, &line.replacen(';', " {", 1), 1))
    }

    /// `acme:doors@1.0.0`.
    fn name(&self) -> &str {
        self.line().trim_start_matches("package ").split(';').next().unwrap_or_default().trim()
    }

    fn line(&self) -> &str {
        self.0.lines().find(|line| line.starts_with("package ")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOORS: &str =
        "/// Doors.\npackage acme-inc:doors@2.1.0;\ninterface door { }\nworld imports { import door; }\n";

    #[test]
    fn a_package_is_known_by_its_head() {
        let doors = Package::own(DOORS.to_owned()).unwrap();
        assert_eq!(
            (doors.namespace().as_str(), doors.imports().as_str()),
            ("acme_inc", "acme-inc:doors/imports@2.1.0")
        );
        assert!(doors.nested().starts_with("/// Doors.\npackage acme-inc:doors@2.1.0 {\ninterface"));
        assert!(doors.nested().ends_with("}\n\n}\n"));
        let plain = Package::own(DOORS.replace("@2.1.0", "")).unwrap();
        assert_eq!(plain.imports(), "acme-inc:doors/imports");
    }

    #[test]
    fn what_a_package_lacks_is_told() {
        assert!(Package::own("interface door { }".to_owned()).unwrap_err().contains("package namespace:name"));
        assert!(Package::own(DOORS.replace("imports", "other")).unwrap_err().contains("no `world imports"));
    }
}
