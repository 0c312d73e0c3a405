//! What is opened, and what is refused before anything was changed.

use std::error::Error;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

use codex_manager_model::{Actor, OperationId, Seq, TokenId};
use codex_manager_store::{Config, OpenError};
use rusqlite::Connection;
use serde_json::json;

use crate::fixture::{append, event, folder, open};

/// A user that nobody is.
const SOMEBODY: u32 = 65_534;
/// The part of the file that tells of all tables.
const PAGE_BYTES: usize = 4096;

fn refusal(folder: &Path) -> OpenError {
    match (Config { folder: folder.to_owned(), size_bytes_max: None }).open() {
        Ok(_) => panic!("{} was opened", folder.display()),
        Err(error) => error,
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn the_folder_and_the_file_are_for_their_owner_alone() {
    let parent = folder();
    let data = parent.path().join("state/data");
    let store = Config { folder: data.clone(), size_bytes_max: None }.open().unwrap();
    assert_eq!(mode(&data), 0o700);
    for file in fs::read_dir(&data).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
    store.close().await;
    set_mode(&data.join("store.sqlite3"), 0o644);
    let _store = Config { folder: data.clone(), size_bytes_max: None }.open().unwrap();
    assert_eq!(mode(&data.join("store.sqlite3")), 0o600);
}

#[test]
fn a_path_that_is_no_folder_is_refused() {
    let parent = folder();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = refusal(&path);
        assert!(matches!(&error, OpenError::NotAFolder { path: named } if *named == path), "{error:?}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_refused() {
    let mode = fs::metadata("/proc").unwrap().permissions().mode();
    for path in ["/proc", "/proc/nothing"] {
        let error = refusal(Path::new(path));
        assert_eq!(fs::metadata("/proc").unwrap().permissions().mode(), mode, "it is not ours to close");
        assert!(matches!(&error, OpenError::NotWritable { .. } | OpenError::Foreign { .. }), "{error:?}");
        assert!(error.to_string().starts_with(path), "{error}");
    }
}

#[test]
fn what_others_can_change_is_refused() {
    let data = folder();
    let file = data.path().join("store.sqlite3");
    fs::write(&file, "").unwrap();
    for (path, open_mode) in [(file.as_path(), 0o620), (file.as_path(), 0o602), (data.path(), 0o770)] {
        set_mode(path, open_mode);
        let error = refusal(data.path());
        assert!(matches!(&error, OpenError::Exposed { path: named, mode } if named == path && *mode == open_mode));
        set_mode(path, open_mode & 0o700);
    }
}

#[test]
fn what_belongs_to_somebody_else_is_refused() {
    let data = folder();
    let me = fs::metadata(data.path()).unwrap().uid();
    let theirs = if me == 0 { data.path() } else { Path::new("/") };
    if me == 0 {
        chown(theirs, Some(SOMEBODY), None).unwrap();
    }
    let owner = fs::metadata(theirs).unwrap().uid();
    let error = refusal(theirs);
    assert!(
        matches!(&error, OpenError::Foreign { path, owner: found, user } if path == theirs && *found == owner && *user == me)
    );
    assert!(error.to_string().contains(&format!("belongs to user {owner} and this is user {me}")), "{error}");
    if me == 0 {
        assert_eq!(fs::read_dir(theirs).unwrap().count(), 0);
        chown(theirs, Some(me), None).unwrap();
        let file = data.path().join("store.sqlite3");
        fs::write(&file, "").unwrap();
        chown(&file, Some(SOMEBODY), None).unwrap();
        assert!(matches!(refusal(theirs), OpenError::Foreign { path, .. } if path == file));
    }
}

#[tokio::test]
async fn what_is_damaged_is_named_once_with_the_next_step() {
    let data = folder();
    let file = data.path().join("store.sqlite3");
    open(&data).close().await;
    let mut bytes = fs::read(&file).unwrap();
    bytes[100..PAGE_BYTES].fill(0xff);
    fs::write(&file, &bytes).unwrap();
    let error = refusal(data.path());
    assert!(matches!(&error, OpenError::Damaged { path, .. } if *path == file), "{error:?}");
    let (mut told, mut cause) = (error.to_string(), error.source());
    while let Some(next) = cause {
        told.push_str(&next.to_string());
        cause = next.source();
    }
    assert_eq!(told.matches("malformed").count(), 1, "{told}");
    assert!(told.contains("move it away"), "{told}");
}

#[test]
fn a_check_says_what_opening_would_and_changes_nothing() {
    let parent = folder();
    let config = Config { folder: parent.path().join("data"), size_bytes_max: None };
    config.check().unwrap();
    assert!(!config.folder.exists());
    fs::write(&config.folder, "a file").unwrap();
    assert!(matches!(config.check(), Err(OpenError::NotAFolder { .. })));
}

#[test]
fn a_data_folder_that_is_a_link_is_refused() {
    let parent = folder();
    let (real, link) = (parent.path().join("real"), parent.path().join("link"));
    fs::create_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    assert!(matches!(refusal(&link), OpenError::ALink { path } if path == link));
    assert_eq!(fs::read_dir(&real).unwrap().count(), 0);
}

#[test]
fn a_data_folder_is_closed_to_others_however_it_was_made() {
    let data = folder();
    set_mode(data.path(), 0o755);
    drop(open(&data));
    assert_eq!(mode(data.path()), 0o700);
}

#[test]
fn a_link_or_a_folder_in_the_files_place_is_refused() {
    let data = folder();
    let file = data.path().join("store.sqlite3");
    let elsewhere = data.path().join("elsewhere");
    symlink(&elsewhere, &file).unwrap();
    assert!(matches!(refusal(data.path()), OpenError::NotAFile { path } if path == file));
    assert!(!elsewhere.exists());
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(matches!(refusal(data.path()), OpenError::NotAFile { path } if path == file));
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_left_alone() {
    let data = folder();
    let file = data.path().join("store.sqlite3");
    for garbage in ["x".to_owned(), "no database at all. ".repeat(1000)] {
        fs::write(&file, &garbage).unwrap();
        assert!(matches!(refusal(data.path()), OpenError::NotADatabase { path } if path == file));
        assert_eq!(fs::read_to_string(&file).unwrap(), garbage);
    }
    fs::remove_file(&file).unwrap();
    let foreign = Connection::open(&file).unwrap();
    foreign.execute_batch("CREATE TABLE theirs (a)").unwrap();
    drop(foreign);
    set_mode(&file, 0o600);
    let before = fs::read(&file).unwrap();
    assert!(matches!(refusal(data.path()), OpenError::NotADatabase { path } if path == file));
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[tokio::test]
async fn a_database_of_the_first_schema_keeps_its_rows() {
    let data = folder();
    let file = data.path().join("store.sqlite3");
    let first = Connection::open(&file).unwrap();
    first.execute_batch(include_str!("../../migrations/1-foundation.sql")).unwrap();
    first
        .execute_batch(
            r#"PRAGMA user_version = 1;
            INSERT INTO log VALUES (1, 'an-epoch', 1, 40);
            INSERT INTO events VALUES (1, 'turn_interrupted', 's', 't', '{"said":"before"}', 40, 1000000, NULL, 0);
            INSERT INTO operations VALUES (1, 'op_1', 'call', 'turn/start', 's', NULL, 'gen_1', '{}', 'answered', NULL,
                'token:tok_1', 1000000, 2000000);"#,
        )
        .unwrap();
    drop(first);
    set_mode(&file, 0o600);

    let store = open(&data);
    assert_eq!((store.epoch().as_str(), *store.head().borrow()), ("an-epoch", Seq(1)));
    let kept: Result<_, codex_manager_store::Error> =
        store.read(|view| Ok((view.events(Seq(0), 9)?, view.operation(&OperationId::new("op_1"))?))).await;
    let (events, operation) = kept.unwrap();
    assert_eq!((events.len(), &events[0].payload), (1, &Some(json!({ "said": "before" }))));
    assert_eq!((&events[0].actor, events[0].caused_by), (&None, None));
    let operation = operation.unwrap();
    assert_eq!((operation.actor, operation.cause), (Actor::Token(TokenId::new("tok_1")), None));
    assert_eq!(append(&store, event("after")).await.unwrap(), Seq(2));
    store.close().await;
    open(&data).close().await;
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let data = folder();
    let file = data.path().join("store.sqlite3");
    open(&data).close().await;
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&file).unwrap();
    let error = refusal(data.path());
    assert!(matches!(&error, OpenError::Newer { found: 99, .. }), "{error:?}");
    assert!(error.to_string().contains("made by a newer version"), "{error}");
    assert_eq!(fs::read(&file).unwrap(), before);
}
