//! Compiled code is kept between runs, and what is damaged is compiled again.

use std::fs;
use std::path::{Path, PathBuf};

use codex_manager_extension::{Component, Config, Engine};

use crate::guest::abstainer;

fn engine(folder: &Path) -> Engine {
    Config { cache: Some(folder.to_owned()), invocations_max: 1 }.build().expect("an engine")
}

/// How many components of a new engine came from kept code, when one is compiled.
fn hits(folder: &Path) -> usize {
    let engine = engine(folder);
    Component::compile(&engine, &abstainer()).expect("it compiles, whatever is kept");
    engine.cache_hits()
}

fn entry(folder: &Path) -> PathBuf {
    let version =
        fs::read_dir(folder.join("code/modules")).expect("the entries").next().expect("a version").expect("its name");
    let entries = fs::read_dir(version.path()).expect("the entries").map(|entry| entry.expect("a name").path());
    entries.into_iter().find(|path| path.extension().is_none()).expect("an entry")
}

#[test]
fn kept_code_is_used_and_a_damaged_entry_is_a_miss() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    assert_eq!(hits(folder.path()), 0);
    assert_eq!(hits(folder.path()), 1);

    let whole = fs::read(entry(folder.path())).expect("the entry");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for damaged in [flipped, whole[..whole.len() / 2].to_vec(), Vec::new()] {
        fs::write(entry(folder.path()), damaged).expect("it can be damaged");
        assert_eq!(hits(folder.path()), 0);
        assert_eq!(hits(folder.path()), 1, "it was kept anew");
    }
}

#[test]
fn what_is_no_entry_at_all_stops_nobody() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    assert_eq!(hits(folder.path()), 0);
    let path = entry(folder.path());
    fs::remove_file(&path).expect("it is ours");
    fs::create_dir_all(path.join("full")).expect("a folder in its place");
    // A link that leads nowhere cannot be read, and a file is no version.
    std::os::unix::fs::symlink("nowhere", path.with_file_name("link")).expect("a link");
    fs::write(folder.path().join("code/modules/note"), "mine").expect("a file");
    assert_eq!(hits(folder.path()), 0);
    assert_eq!(hits(folder.path()), 1, "it was kept anew");
}

#[test]
fn an_entry_without_a_seal_is_a_miss() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    assert_eq!(hits(folder.path()), 0);
    fs::remove_dir_all(folder.path().join("seals")).expect("the seals");
    assert_eq!(hits(folder.path()), 0);
}
