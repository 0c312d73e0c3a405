//! What we build upon: every dependency has a licence that we can live with, comes from crates.io and is none of those that
//! we do not want. Which that are is said in `deny.toml`, for `cargo deny` and for these tests.
//!
//! The host is one workspace and each family of guests another: all that have a lockfile are looked at. Licences are read
//! from what is built on this system, and for guests; a lockfile, which names sources, is of all systems.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use semver::{Version, VersionReq};
use serde_json::Value;
use spdx::{Expression, LicenseReq, ParseMode};

/// What guests are built for.
const GUEST: &str = "wasm32-wasip2";

#[test]
fn the_host_and_its_guests_are_workspaces_with_lockfiles() {
    let found = workspaces();
    for folder in ["", "sdk/rust", "extensions/guard", "examples/embed/guest", "tests/guests/hostile"] {
        assert!(found.contains(&root().join(folder)), "{folder:?} is none of {found:?}");
    }
    assert!(found.iter().all(|folder| !folder.starts_with(root().join("target"))), "{found:?}");
}

#[test]
fn s21_every_dependency_has_a_licence_that_is_allowed() {
    let packages = packages();
    assert!(packages.len() > 100, "cargo told of {} packages only", packages.len());
    let offending: Vec<String> =
        packages.iter().filter(|package| !package["source"].is_null()).filter_map(refused).collect();
    assert!(offending.is_empty(), "licences that are not allowed:\n{}", offending.join("\n"));
}

#[test]
fn s21_every_dependency_comes_from_crates_io() {
    for workspace in workspaces() {
        let lock = fs::read_to_string(workspace.join("Cargo.lock")).unwrap();
        let sources: Vec<&str> = lock.lines().filter_map(|line| line.strip_prefix("source = ")).collect();
        assert!(!sources.is_empty(), "{} names no sources", workspace.display());
        let allowed = allowed_sources();
        let offending: Vec<&&str> = sources.iter().filter(|source| !allowed.iter().any(|a| a == *source)).collect();
        assert!(offending.is_empty(), "sources of {} that are not allowed: {offending:?}", workspace.display());
    }
}

#[test]
fn s21_none_of_those_that_we_do_not_want_is_there() {
    let banned = banned();
    let offending: Vec<String> =
        packages().iter().filter_map(|package| banned.iter().find_map(|ban| ban.catches(package))).collect();
    assert!(offending.is_empty(), "dependencies that are banned:\n{}", offending.join("\n"));
}

#[test]
fn a_banned_version_is_caught() {
    let banned = banned();
    let caught = |name: &str, version: &str| {
        let package = serde_json::json!({ "name": name, "version": version });
        banned.iter().any(|ban| ban.catches(&package).is_some())
    };
    assert!(caught("openssl-sys", "0.9.1") && caught("wasmtime", "48.0.7") && caught("wasmtime", "24.0.1"));
    assert!(!caught("wasmtime", "48.0.8") && !caught("wasmtime", "50.0.1") && !caught("serde", "1.0.1"));
}

#[test]
fn a_package_without_a_source_is_one_of_our_own() {
    let ours: Vec<Value> = packages().into_iter().filter(|package| package["source"].is_null()).collect();
    for package in &ours {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        assert!(manifest.starts_with(root()), "{} lies outside the project", manifest.display());
    }
    assert!(ours.iter().any(|package| package["name"] == "codex-manager"));
}

#[test]
fn what_is_not_on_the_list_is_refused() {
    for (licence, allowed) in [
        (Some("MIT"), true),
        (Some("MIT/Apache-2.0"), true),
        (Some("GPL-3.0-only OR MIT"), true),
        (Some("(MIT OR GPL-3.0-only) AND Unicode-3.0"), true),
        (Some("Apache-2.0 WITH LLVM-exception"), true),
        (Some("MIT AND GPL-3.0-only"), false),
        (Some("AGPL-3.0-or-later"), false),
        (Some("GPL-2.0-only WITH Classpath-exception-2.0"), false),
        (Some("no licence at all"), false),
        (None, false),
    ] {
        let package = serde_json::json!({ "name": "x", "version": "1", "license": licence });
        assert_eq!(refused(&package).is_none(), allowed, "{licence:?}");
    }
}

/// The packages of this system's build and of the guests', as Cargo resolves them; those of other systems may not even be
/// downloaded.
fn packages() -> Vec<Value> {
    let system = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let of = |workspace: PathBuf| {
        let mut metadata = Command::new(env!("CARGO"));
        metadata.args(["metadata", "--locked", "--format-version", "1", "--filter-platform", &system]);
        if workspace != root() {
            metadata.args(["--filter-platform", GUEST]);
        }
        let metadata = metadata.current_dir(&workspace).output().unwrap();
        assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
        let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
        metadata["packages"].as_array().unwrap().clone()
    };
    workspaces().into_iter().flat_map(of).collect()
}

/// The folders with a lockfile, wherever they lie in the project; what was built, and what is hidden, is not of it.
fn workspaces() -> Vec<PathBuf> {
    let mut folders = vec![root().to_owned()];
    let mut at = 0;
    while at < folders.len() {
        for entry in fs::read_dir(&folders[at]).unwrap().map(Result::unwrap) {
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            let is_folder = entry.file_type().unwrap().is_dir() && !is_hidden;
            if is_folder && !entry.path().join("CACHEDIR.TAG").exists() {
                folders.push(entry.path());
            }
        }
        at += 1;
    }
    folders.retain(|folder| folder.join("Cargo.lock").exists());
    folders
}

/// The package and its licence, if that is none of ours.
fn refused(package: &Value) -> Option<String> {
    let licence = package["license"].as_str().unwrap_or_default();
    let allowed = Expression::parse_mode(licence, ParseMode::LAX).is_ok_and(|e| e.evaluate(is_allowed));
    (!allowed).then(|| format!("  {} {}: {licence:?}", package["name"], package["version"]))
}

fn is_allowed(required: &LicenseReq) -> bool {
    let licence = required.to_string();
    policy()["licenses"]["allow"].as_array().unwrap().iter().any(|allowed| allowed.as_str() == Some(&licence))
}

/// Where a dependency may come from, as a lockfile writes it.
fn allowed_sources() -> Vec<String> {
    let registries = policy()["sources"]["allow-registry"].as_array().unwrap();
    registries.iter().map(|registry| format!("\"registry+{}\"", registry.as_str().unwrap())).collect()
}

/// A crate that we do not want, or some of its versions.
struct Ban {
    name: String,
    versions: VersionReq,
}

impl Ban {
    /// The package, if it is one of those.
    fn catches(&self, package: &Value) -> Option<String> {
        let version = package["version"].as_str().unwrap();
        let caught = package["name"] == *self.name && self.versions.matches(&Version::parse(version).unwrap());
        caught.then(|| format!("  {} {version}", self.name))
    }
}

fn banned() -> Vec<Ban> {
    let bans = policy()["bans"]["deny"].as_array().unwrap();
    let ban = |ban: &toml::Value| {
        let told = ban["crate"].as_str().unwrap();
        let (name, versions) = told.split_once('@').unwrap_or((told, "*"));
        Ban { name: name.to_owned(), versions: versions.parse().unwrap() }
    };
    bans.iter().map(ban).collect()
}

fn policy() -> &'static toml::Table {
    static POLICY: LazyLock<toml::Table> =
        LazyLock::new(|| fs::read_to_string(root().join("deny.toml")).unwrap().parse().unwrap());
    &POLICY
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
