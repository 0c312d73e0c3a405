//! What was backed up is what is restored, in a log of another lineage.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use codex_manager_model::Seq;
use codex_manager_store::{BackupFile, Config, Error, OpenError, RestoreError, restore};
use rusqlite::Connection;

use crate::fixture::{append, event, folder, open};

fn files() -> Vec<BackupFile> {
    vec![
        BackupFile { path: "a/b".to_owned(), bytes: vec![0, 255, 7] },
        BackupFile { path: "c".to_owned(), bytes: vec![] },
    ]
}

fn open_at(folder: &Path) -> codex_manager_store::Store {
    Config { folder: folder.to_owned(), size_bytes_max: None }.open().unwrap()
}

#[tokio::test]
async fn a_restored_store_has_everything_and_a_new_epoch() {
    let (data, elsewhere) = (folder(), folder());
    let (file, into) = (elsewhere.path().join("backup"), elsewhere.path().join("data"));
    let store = open(&data);
    append(&store, event("before")).await.unwrap();
    store.back_up(file.clone(), files()).await.unwrap();
    append(&store, event("after")).await.unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    assert_eq!(restore(&file, &into).unwrap(), files());
    let restored = open_at(&into);
    let events: Result<_, Error> = restored.read(|view| view.events(Seq(0), 9)).await;
    let kinds: Vec<_> = events.unwrap().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["before"]);
    assert_ne!(restored.epoch(), store.epoch());
    assert_eq!(append(&restored, event("anew")).await.unwrap(), Seq(2));
}

#[tokio::test]
async fn nothing_is_written_over_and_nothing_is_left_of_what_failed() {
    let data = folder();
    let store = open(&data);
    let file = data.path().join("taken");
    fs::write(&file, "mine").unwrap();
    let refused = store.back_up(file.clone(), files()).await.unwrap_err();
    assert!(matches!(refused, Error::Io(_)), "{refused:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    let twice = vec![files()[0].clone(), files()[0].clone()];
    let half = data.path().join("half");
    store.back_up(half.clone(), twice).await.unwrap_err();
    assert!(!half.exists());
}

#[tokio::test]
async fn what_is_no_backup_or_newer_or_damaged_is_refused() {
    let (data, elsewhere) = (folder(), folder());
    let store = open(&data);
    let backup = elsewhere.path().join("backup");
    for number in 0..200 {
        append(&store, event(&format!("event.{number}"))).await.unwrap();
    }
    store.back_up(backup.clone(), Vec::new()).await.unwrap();
    store.close().await;
    let mut tries = 0;
    let mut refusal = |from: &Path| {
        tries += 1;
        restore(from, &elsewhere.path().join(format!("into-{tries}"))).unwrap_err()
    };
    let text = elsewhere.path().join("text");
    fs::write(&text, "no database at all. ".repeat(1000)).unwrap();
    let unfit = refusal(&text);
    assert!(matches!(&unfit, RestoreError::Unfit { why: OpenError::NotADatabase { .. }, .. }), "{unfit:?}");
    assert!(matches!(refusal(&data.path().join("store.sqlite3")), RestoreError::NotABackup { .. }));
    assert!(matches!(refusal(elsewhere.path()), RestoreError::Unreadable { .. }));
    assert!(matches!(refusal(Path::new("/no/such")), RestoreError::Unreadable { .. }));

    let newer = elsewhere.path().join("newer");
    fs::copy(&backup, &newer).unwrap();
    Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let unfit = refusal(&newer);
    assert!(matches!(&unfit, RestoreError::Unfit { why: OpenError::Newer { found: 99, .. }, .. }), "{unfit:?}");

    let mut bytes = fs::read(&backup).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0xff);
    fs::write(&backup, bytes).unwrap();
    let unfit = refusal(&backup);
    assert!(matches!(&unfit, RestoreError::Unfit { why: OpenError::Damaged { .. }, .. }), "{unfit:?}");
}
