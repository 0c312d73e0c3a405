//! What was released does not change.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use codex_manager_extension::Digest;
use semver::Version;

/// The digest of each package by its name and version, comments and white space left out.
fn packages() -> BTreeMap<String, Digest> {
    let mut found = BTreeMap::new();
    for folder in fs::read_dir(wit()).expect("wit/").map(|entry| entry.expect("an entry").path()) {
        if !folder.is_dir() {
            continue;
        }
        let name = folder.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        let text = fs::read_to_string(folder.join(format!("{name}.wit"))).expect("one file, named like its folder");
        let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
        let code = code.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
        let package = code.strip_prefix("package ").and_then(|rest| rest.split(';').next()).expect("a package");
        found.insert(package.to_owned(), Digest::of(code.as_bytes()));
    }
    found
}

/// Whether the package `now` has taken the place of `released`: the same name, the same major version, and newer.
fn supersedes(now: &str, released: &str) -> bool {
    let parts = |package: &str| {
        let (name, version) = package.split_once('@').expect("a version");
        (name.to_owned(), version.parse::<Version>().expect("a version"))
    };
    let ((now, version), (released, old)) = (parts(now), parts(released));
    now == released && version.major == old.major && version > old
}

fn wit() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../wit")
}

#[test]
fn released_packages_are_frozen() {
    let frozen = fs::read_to_string(wit().join("frozen.lock")).expect("frozen.lock");
    let now: Vec<String> = packages().iter().map(|(package, digest)| format!("{package} {digest}")).collect();
    for line in &now {
        assert!(
            frozen.lines().any(|frozen| frozen == line),
            "a released package was changed, or a new one is not frozen yet. Components that were built against a \
             released package must start for ever: give a changed package a new version (wit/README.md says which \
             number), and add this line to wit/frozen.lock:\n{line}"
        );
    }
    for line in frozen.lines() {
        let package = line.split(' ').next().expect("a name and a version");
        let is_there = packages().keys().any(|now| now == package || supersedes(now, package));
        assert!(is_there, "{package} was released, and is missing");
    }
}
