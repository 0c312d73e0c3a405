//! What the compiler tells an author who made a mistake: what it is, where, and what to do.

use crate::here::{cargo, repository};

/// Each mistake by its folder, with what has to be told.
const MISTAKES: &[(&str, &[&str])] = &[
    ("no-manifest", &["an extension says in extension.toml what it hears and may do", "no-manifest/extension.toml"]),
    ("not-listed", &["extension.toml does not list this handler: add [handlers.on-event] with its `kinds`"]),
    ("not-declared", &["this extension has no capability `kv`", "declare it in extension.toml: [capabilities.kv]"]),
    (
        "not-declared-called",
        &["this extension has no capability `log`", "declare it in extension.toml: [capabilities.log]", "host.log("],
    ),
    ("no-package", &["extension.toml declares the capability `doors`", "has to lie in wit/doors.wit"]),
    ("wrong-event", &["a handler takes the `Event` itself, no reference to it", "event: &Event"]),
    ("wrong-answer", &["mismatched types", "-> Group", "expected `Result<Group, Fault>`, found `Group`"]),
];

#[test]
fn a_mistake_is_told_with_what_to_do() {
    let folder = repository("sdk/rust/tests/guests");
    for (name, expected) in MISTAKES {
        let output = cargo(&folder, "check").args(["--quiet", "-p", name]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{name} was compiled");
        for words in *expected {
            assert!(told.contains(words), "{name} should tell {words:?}: {told}");
        }
        assert_eq!(
            told.matches("\nerror").count() + usize::from(told.starts_with("error")),
            2,
            "one, and the end: {told}"
        );
    }
}
