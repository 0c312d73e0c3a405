//! One daemon a folder.

use std::fs;
use std::os::unix::fs::symlink;

use codex_manager_store::{Lock, LockError, LockHolder};

use crate::fixture::folder;

fn holder(pid: u32) -> LockHolder {
    LockHolder { pid, address: None }
}

#[test]
fn a_second_holder_is_refused_and_told_who_the_first_is() {
    let folder = folder();
    let path = folder.path().join("daemon.lock");
    let first = Lock::take(&path, &holder(4711)).unwrap();
    let refused = Lock::take(&path, &holder(2)).unwrap_err();
    assert!(matches!(&refused, LockError::Held { holder: Some(LockHolder { pid: 4711, address: None }), .. }));
    drop(first);
    let listening = LockHolder { pid: 4711, address: Some("127.0.0.1:4317".into()) };
    let first = Lock::take(&path, &listening).unwrap();
    let refused = Lock::take(&path, &holder(2)).unwrap_err().to_string();
    assert!(refused.contains("(process 4711, at 127.0.0.1:4317)"), "{refused}");
    assert!(refused.starts_with(folder.path().to_str().unwrap()), "{refused}");

    drop(first);
    let _second = Lock::take(&path, &holder(2)).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap().trim(), r#"{"pid":2,"address":null}"#);
}

#[test]
fn a_link_is_not_followed_and_nonsense_is_no_holder() {
    let folder = folder();
    let (path, theirs) = (folder.path().join("daemon.lock"), folder.path().join("theirs"));
    fs::write(&theirs, "precious").unwrap();
    symlink(&theirs, &path).unwrap();
    assert!(matches!(Lock::take(&path, &holder(1)), Err(LockError::NotAFile { path: named }) if named == path));
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "precious");

    let held = fs::File::open(&theirs).unwrap();
    held.lock().unwrap();
    assert!(matches!(Lock::take(&theirs, &holder(1)), Err(LockError::Held { holder: None, .. })));
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "precious");
}

#[test]
fn moving_the_file_away_frees_nothing() {
    let folder = folder();
    let path = folder.path().join("daemon.lock");
    let held = Lock::take(&path, &holder(4711)).unwrap();
    fs::rename(&path, folder.path().join("elsewhere")).unwrap();
    assert!(matches!(Lock::take(&path, &holder(2)), Err(LockError::Held { holder: None, .. })));
    assert!(!path.exists(), "whoever is refused writes nothing");
    drop(held);
    Lock::take(&path, &holder(2)).unwrap();
}

#[test]
fn a_look_tells_who_holds_it_and_makes_nothing() {
    let folder = folder();
    let path = folder.path().join("daemon.lock");
    Lock::look(&path).unwrap();
    Lock::look(folder.path().join("not/yet")).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let held = Lock::take(&path, &holder(4711)).unwrap();
    let seen = Lock::look(&path).unwrap_err();
    assert!(matches!(seen, LockError::Held { holder: Some(LockHolder { pid: 4711, .. }), .. }));
    drop(held);
    Lock::look(&path).unwrap();
    Lock::take(&path, &holder(2)).unwrap();
}

#[test]
fn what_cannot_be_locked_is_told_apart_from_what_is_held() {
    let folder = folder();
    let missing = folder.path().join("missing");
    let refused = Lock::take(missing.join("lock"), &holder(1)).unwrap_err();
    assert!(matches!(&refused, LockError::Io { path, .. } if *path == missing), "{refused:?}");
    fs::create_dir(folder.path().join("lock")).unwrap();
    assert!(matches!(Lock::take(folder.path().join("lock"), &holder(1)), Err(LockError::NotAFile { .. })));
}
