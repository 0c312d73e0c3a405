//! What was backed up is what is restored, in a log of another lineage.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use codex_manager_model::Seq;
use codex_manager_store::{Alteration, BackupFile, Config, Error, OpenError, RestoreError, restore};
use rusqlite::Connection;

use crate::fixture::{append, event, folder, open};
use crate::upgrades::of_the_first_version;

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

#[tokio::test]
async fn what_somebody_put_into_a_backup_or_took_out_of_it_is_refused_by_name() {
    let (data, elsewhere) = (folder(), folder());
    let backup = elsewhere.path().join("backup");
    open(&data).back_up(backup.clone(), Vec::new()).await.unwrap();
    let own = |kind: &str, name: &str| (kind.to_owned(), name.to_owned());
    let extra = |(kind, name)| Alteration::Extra { kind, name };
    let missing = |(kind, name)| Alteration::Missing { kind, name };
    let changed = |(kind, name)| Alteration::Changed { kind, name };
    let again = "CREATE TRIGGER again AFTER UPDATE ON log BEGIN
        INSERT INTO tokens VALUES ('tok', 'theirs', 'admin', zeroblob(32), 1, NULL, NULL); END";
    let cases = [
        (again, extra(own("trigger", "again"))),
        ("CREATE VIEW seen AS SELECT * FROM tokens", extra(own("view", "seen"))),
        ("CREATE TABLE theirs (a)", extra(own("table", "theirs"))),
        ("CREATE INDEX theirs ON tokens (name)", extra(own("index", "theirs"))),
        ("DROP TABLE marks", missing(own("table", "marks"))),
        ("DROP INDEX items_open", missing(own("index", "items_open"))),
        ("ALTER TABLE tokens ADD COLUMN theirs TEXT", changed(own("table", "tokens"))),
        ("DROP TABLE backup_files; CREATE TABLE backup_files (path, bytes)", changed(own("table", "backup_files"))),
        ("DELETE FROM log", Alteration::Log { rows: 0 }),
    ];
    for (number, (sql, expected)) in cases.into_iter().enumerate() {
        let file = elsewhere.path().join(format!("altered-{number}"));
        fs::copy(&backup, &file).unwrap();
        Connection::open(&file).unwrap().execute_batch(sql).unwrap();
        let refused = restore(&file, &elsewhere.path().join(format!("into-{number}"))).expect_err(sql);
        assert!(matches!(&refused, RestoreError::Altered { what, .. } if *what == expected), "{sql}: {refused:?}");
        assert!(refused.to_string().contains(file.to_str().unwrap()), "{refused}");
    }
    Connection::open(&backup).unwrap().execute_batch("ANALYZE").unwrap();
    restore(&backup, &elsewhere.path().join("figures")).unwrap();
}

/// What `ALTER TABLE` made of the tables on the way is what it makes of new ones.
#[tokio::test]
async fn a_store_that_came_all_the_way_is_restored_too() {
    let (data, elsewhere) = (of_the_first_version(), folder());
    let (backup, into) = (elsewhere.path().join("backup"), elsewhere.path().join("data"));
    let earlier = elsewhere.path().join("earlier");
    let old = Connection::open(data.path().join("store.sqlite3")).unwrap();
    old.execute("VACUUM INTO ?1", [earlier.to_str()]).unwrap();
    drop(old);
    let files = "CREATE TABLE backup_files (path TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT";
    Connection::open(&earlier).unwrap().execute_batch(files).unwrap();
    restore(&earlier, &elsewhere.path().join("of-then")).unwrap();

    open(&data).back_up(backup.clone(), Vec::new()).await.unwrap();
    restore(&backup, &into).unwrap();
    let kept: Result<_, Error> = open_at(&into).read(|view| view.tokens()).await;
    assert_eq!(kept.unwrap()[0].name, "mine");
}
