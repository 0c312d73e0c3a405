//! A backup is made while the daemon works, and restored while none does.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Output, Stdio};

use codex_manager_tests::{Fault, Home, Socket, until};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::stage::Stage;

async fn run(home: &Home, arguments: &[&str], file: &Path) -> Output {
    run_on(&home.data(), home, arguments, file).await
}

async fn run_on(data: &Path, home: &Home, arguments: &[&str], file: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daemon-under-test"));
    for inherited in ["CODEX_MANAGER_API_BASE", "CODEX_MANAGER_BEARER_TOKEN"] {
        command.env_remove(inherited);
    }
    command.args(arguments).arg(file).arg("--data-dir").arg(data).arg("--codex-home").arg(home.codex_home());
    command.stdin(Stdio::null()).output().await.unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The epoch and the end of the log, as a stream says when it begins.
async fn ready(stage: &Stage) -> (String, u64) {
    let first = Socket::open(&stage.api, "").await.next().await.unwrap();
    (first["epoch"].as_str().unwrap().to_owned(), first["seq"].as_u64().unwrap())
}

#[tokio::test]
async fn what_was_there_is_there_again_and_what_must_not_come_back_does_not() {
    let stage = Stage::ready([]).await;
    let (kept, deleted) = (stage.session().await, stage.session().await);
    stage.turn(&kept, "good day").await;
    let before = stage.api.transcript(&kept).await;
    let file = stage.home.path().join("backup");
    let made = run(&stage.home, &["backup"], &file).await;
    assert!(made.status.success(), "{}", said(&made));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = run(&stage.home, &["backup"], &file).await;
    assert_eq!(again.status.code(), Some(4), "{}", said(&again));

    let made_since = stage.session().await;
    let erased = stage.api.send(stage.api.request(Method::DELETE, &format!("/api/sessions/{deleted}"))).await;
    erased.unwrap().expect(200);
    let (epoch, head) = ready(&stage).await;
    let (old, token) = (format!("{epoch}.{head}"), stage.api.bearer().to_owned());
    let refused = run(&stage.home, &["restore"], &file).await;
    assert_eq!(refused.status.code(), Some(4), "while a daemon runs: {}", said(&refused));

    let home = stage.end().await;
    let restored = run(&home, &["restore", "--json"], &file).await;
    assert!(restored.status.success(), "{}", said(&restored));
    let told: Value = serde_json::from_slice(&restored.stdout).unwrap();
    assert_eq!((&told["sessions"], &told["stillDeleted"], &told["tokensRevoked"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!(told["madeSince"].as_array().unwrap().len(), 1);
    assert_eq!(told["madeSince"][0]["sessionId"], made_since);
    let previous = Path::new(told["previous"].as_str().unwrap());
    assert!(previous.join("store.sqlite3").is_file() && !home.data().join("restoring").exists());

    let stage = Stage::start_on(home).await;
    stage.api.until_codex_is("ready").await;
    assert_eq!(stage.api.transcript(&kept).await, before);
    stage.api.get(&format!("/api/sessions/{deleted}")).await.expect(410);
    let list = stage.api.get("/api/sessions").await.expect(200).to_string();
    assert!(list.contains(&kept) && !list.contains(&deleted), "{list}");
    stage.api.with_bearer(&token).get("/api/sessions").await.expect(401);

    let (epoch, _) = ready(&stage).await;
    assert!(!old.starts_with(&epoch), "the log is another one");
    let expired = stage.api.get(&format!("/api/stream?after={old}")).await;
    assert_eq!((expired.status, expired.code()), (410, "cursor_expired"), "{expired:?}");
    stage.assert_works().await;
}

#[tokio::test]
async fn what_is_no_backup_changes_nothing() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    let home = stage.end().await;
    let text = home.path().join("text");
    fs::write(&text, "no database at all. ".repeat(1000)).unwrap();
    let refused = run(&home, &["restore"], &text).await;
    assert!(!refused.status.success() && said(&refused).contains("nothing was restored"), "{}", said(&refused));
    let store = home.data().join("store.sqlite3");
    for (file, words) in
        [(&text, "is no backup"), (&store, "codex-manager backup"), (&home.path().join("no"), "cannot read")]
    {
        let refused = run(&home, &["restore"], file).await;
        let said = said(&refused);
        assert!(!refused.status.success() && said.contains(words), "{said}");
        assert!(said.contains(&file.display().to_string()) && !said.contains("restoring"), "{said}");
        assert!(!home.data().join("restoring").exists(), "nothing is left of it");
    }
    let link = home.path().join("link");
    symlink(home.data(), &link).unwrap();
    let refused = said(&run_on(&link, &home, &["restore"], &text).await);
    assert!(refused.contains("is a link") && !refused.contains("stop the daemon"), "{refused}");
    let stage = Stage::start_on(home).await;
    assert!(stage.api.get("/api/sessions").await.expect(200).to_string().contains(&session));
}

#[tokio::test]
async fn a_backup_that_somebody_changed_is_refused_before_anything_is_replaced() {
    const OURS: &[u8] = b"interactions_over";
    let stage = Stage::ready([]).await;
    let file = stage.home.path().join("backup");
    let made = run(&stage.home, &["backup"], &file).await;
    assert!(made.status.success(), "{}", said(&made));
    let since = stage.session().await;
    let home = stage.end().await;
    // An index of another name, as good to SQLite as ours.
    let mut bytes = fs::read(&file).unwrap();
    let places: Vec<_> = (0..bytes.len() - OURS.len()).filter(|at| bytes[*at..].starts_with(OURS)).collect();
    assert!(places.len() >= 2, "its name, and its statement");
    for at in places {
        bytes[at + OURS.len() - 1] = b'X';
    }
    fs::write(&file, bytes).unwrap();
    let refused = run(&home, &["restore"], &file).await;
    let told = said(&refused);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("nothing was restored") && told.contains(&file.display().to_string()), "{told}");
    assert!(told.contains("index `interactions_oveX`, which no codex-manager makes"), "{told}");
    assert!(!home.data().join("restoring").exists(), "nothing is left of it");
    let stage = Stage::start_on(home).await;
    assert!(stage.api.get("/api/sessions").await.expect(200).to_string().contains(&since));
}

#[tokio::test]
async fn a_backup_is_made_while_no_daemon_runs_too() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    let home = stage.end().await;
    let file = home.path().join("backup");
    let made = run(&home, &["backup"], &file).await;
    assert!(made.status.success(), "{}", said(&made));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!home.data().join("backup.new").exists());

    let restored = run(&home, &["restore"], &file).await;
    let told = said(&restored);
    assert!(restored.status.success() && told.contains("1 session,") && !told.contains("1 sessions"), "{told}");
    assert!(told.contains("/previous-") && told.contains("remove that folder"), "{told}");
    let stage = Stage::start_on(home).await;
    assert!(stage.api.get("/api/sessions").await.expect(200).to_string().contains(&session));

    let home = stage.end().await;
    let nowhere = home.path().join("nowhere");
    let refused = run_on(&nowhere, &home, &["backup"], &home.path().join("another")).await;
    assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
    assert!(!nowhere.exists() && !home.path().join("another").exists());
}

#[tokio::test]
async fn a_store_of_an_earlier_version_is_left_to_it() {
    const SCHEMA: u64 = 60;
    let home = Stage::ready([]).await.end().await;
    let (store, file) = (home.data().join("store.sqlite3"), home.path().join("backup"));
    File::options().write(true).open(&store).unwrap().write_all_at(&1_u32.to_be_bytes(), SCHEMA).unwrap();
    let before = fs::read(&store).unwrap();
    let refused = run(&home, &["backup"], &file).await;
    assert_eq!(refused.status.code(), Some(4), "{}", said(&refused));
    assert!(said(&refused).contains("earlier version") && !file.exists(), "{}", said(&refused));
    assert!(fs::read(&store).unwrap() == before, "it was changed");
}

#[tokio::test]
async fn only_an_administrator_takes_one_away() {
    let stage = Stage::ready([]).await;
    let made = stage.api.post("/api/tokens", json!({"name": "operator", "role": "operator"})).await;
    let operator = made.expect(200)["secret"].as_str().unwrap().to_owned();
    stage.api.with_bearer(&operator).get("/api/backup").await.expect(403);
    let answer = stage.api.request(Method::GET, "/api/backup").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/vnd.sqlite3");
    assert!(answer.bytes().await.unwrap().starts_with(b"SQLite format 3\0"));
    assert!(!stage.home.data().join("backup.new").exists());
}

#[tokio::test]
async fn what_waited_to_be_sent_when_it_was_made_is_not_sent_once_it_is_restored() {
    let stage = Stage::ready([Fault::Hang.on("turn/start").once().in_generation(1)]).await;
    let session = stage.session().await;
    let send = |text: &'static str| {
        let (api, path) = (stage.api.clone(), format!("/api/sessions/{session}/messages"));
        tokio::spawn(async move { api.send(api.request(Method::POST, &path).json(&json!({"text": text}))).await })
    };
    let first = send("the first");
    until("the first message", async || stage.home.received_of("turn/start").pop()).await;
    let second = send("the second");
    until("the second one, recorded", async || {
        let figures = stage.api.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
        figures.contains("codex_manager_outbox_operations{state=\"recorded\"} 1").then_some(())
    })
    .await;
    let file = stage.home.path().join("backup");
    let made = run(&stage.home, &["backup"], &file).await;
    assert!(made.status.success(), "{}", said(&made));
    let home = stage.end().await;
    drop((first.await.unwrap(), second.await.unwrap()));
    let restored = run(&home, &["restore"], &file).await;
    assert!(restored.status.success(), "{}", said(&restored));

    let stage = Stage::start_on(home).await;
    stage.assert_works().await;
    let sent = stage.home.received_of("turn/start");
    assert!(!sent.iter().any(|call| call.to_string().contains("the second")), "{sent:?}");
}
