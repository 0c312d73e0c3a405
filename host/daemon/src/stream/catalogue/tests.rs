//! The table has every kind that the code writes. Its source is read for them: a kind that the table lacks is told by
//! nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use codex_manager_app_server::classify;

use super::*;

/// Words that begin like a kind and are none: codes of errors.
const NO_KINDS: [&str; 8] = [
    "extension_changed",
    "extension_faulty",
    "extension_not_found",
    "extension_yet_to_come",
    "project_not_empty",
    "project_not_found",
    "session_not_found",
    "token_not_found",
];

/// Where a kind is not written beside its event: what may be called so is found by its letters.
const COMPUTED: [&str; 6] = [
    "intake/apply.rs",
    "intake/synthesized.rs",
    "service/controls/change.rs",
    "service/extensions.rs",
    "service/interactions/rows.rs",
    "service/sessions/told.rs",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the sources are there").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
}

/// The sources of what may write events, without their tests, what only reads events, and the table itself.
fn written() -> Vec<(PathBuf, String)> {
    let mut paths = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut paths);
    let asks = ["cli", "demo", "stream", "tools"];
    let is_asking =
        |path: &PathBuf| path.components().any(|part| asks.iter().any(|folder| part.as_os_str() == *folder));
    paths.retain(|path| !is_asking(path));
    let is_test =
        |path: &PathBuf| path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source can be read");
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned();
        (path, code)
    };
    paths.into_iter().filter(|path| !is_test(path)).map(read).collect()
}

/// The texts in a source that are single words of a kind's letters.
fn words(code: &str) -> impl Iterator<Item = &str> {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.';
    let is_word = move |text: &&str| !text.is_empty() && text.bytes().all(is_letter);
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter(is_word)
}

fn known() -> BTreeSet<&'static str> {
    KINDS.iter().map(|kind| kind.name).collect()
}

#[test]
fn every_kind_stands_in_the_table_once() {
    assert_eq!(known().len(), KINDS.len());
}

#[test]
fn every_kind_that_is_written_stands_in_the_table() {
    let mut seen = BTreeSet::new();
    for (path, code) in written() {
        for after in code.split("NewEvent::new(").skip(1) {
            if let Some(name) = after.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next()) {
                assert!(known().contains(name), "{}: {name} is not in the catalogue", path.display());
                seen.insert(name.to_owned());
            } else {
                assert!(COMPUTED.iter().any(|known| path.ends_with(known)), "{}: a computed kind", path.display());
            }
        }
        let families = [
            "approval_",
            "extension_",
            "file_change.",
            "project_",
            "session_",
            "token_",
            "tool_call_r",
            "tool_user_input_",
            "turn.",
        ];
        let ends = ["ed", "missing"];
        for word in words(&code).filter(|word| families.iter().any(|family| word.starts_with(family))) {
            if ends.iter().any(|end| word.ends_with(end)) && !NO_KINDS.contains(&word) && !is_code(word) {
                assert!(known().contains(word), "{}: {word} is not in the catalogue", path.display());
                seen.insert(word.to_owned());
            }
        }
    }
    assert!(seen.len() > 15, "the sources are read: {seen:?}");
}

/// Whether it is a code that something is refused with, and no kind.
fn is_code(word: &str) -> bool {
    crate::service::code::ALL.iter().any(|code| code.word == word) && !known().contains(word)
}

#[test]
fn short_names_are_those_of_notifications_that_there_are() {
    for (method, name) in ALIASES {
        assert!(classify::known().any(|(known, _)| known == method), "{method}");
        let kind = KINDS.iter().find(|kind| kind.name == name).expect("it stands in the table");
        assert_eq!(kind.keeping, Keeping::AsItsMethod(method));
    }
    let short = KINDS.iter().filter(|kind| matches!(kind.keeping, Keeping::AsItsMethod(_)));
    assert_eq!(short.count(), ALIASES.len());
}
