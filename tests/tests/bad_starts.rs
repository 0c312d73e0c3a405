//! A daemon that cannot do its work says why and ends; it changes nothing.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::Path;
use std::process::Stdio;

use codex_manager_tests::{Home, Launch, Refusal, until};
use tokio::process::Command;

use crate::stage::launch;

fn home() -> Home {
    Home::new(env!("CARGO_TARGET_TMPDIR"))
}

/// How the daemon ended, and that its last words hold all of `words`.
async fn assert_refused(launch: Launch, home: &Home, words: &[&str]) {
    let Err(Refusal { status, log }) = launch.try_start(home).await else { panic!("it started") };
    assert!(!status.success());
    assert!(words.iter().all(|word| log.contains(word)), "{words:?} in:\n{log}");
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn a_data_folder_has_one_daemon() {
    let (first, second) = (home(), home());
    let daemon = launch().start(&first).await;
    let pid = daemon.pid().to_string();
    let data = first.data().display().to_string();
    assert_refused(launch().option("--data-dir", &data), &second, &[&pid, &data]).await;
    let codex_home = first.codex_home().display().to_string();
    assert_refused(launch().option("--codex-home", &codex_home), &second, &[&pid, &codex_home]).await;

    daemon.kill().await;
    let again = launch().start(&first).await;
    again.api().until_codex_is("ready").await;
}

#[tokio::test]
async fn a_data_folder_must_be_a_folder() {
    let home = home();
    let file = home.path().join("file");
    fs::write(&file, "mine").unwrap();
    let data = file.join("data").display().to_string();
    assert_refused(launch().option("--data-dir", &data), &home, &[&data]).await;
    assert_eq!(fs::read_to_string(file).unwrap(), "mine");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_refused(launch().option("--listen", &address), &home(), &[&address]).await;
}

#[tokio::test]
async fn the_daemon_stays_on_this_machine() {
    assert_refused(launch().option("--listen", "0.0.0.0:0"), &home(), &["0.0.0.0"]).await;
}

#[tokio::test]
async fn a_codex_that_is_missing_is_named() {
    assert_refused(launch().option("--codex-bin", "/nowhere/codex"), &home(), &["/nowhere/codex"]).await;
}

#[tokio::test]
async fn a_home_has_one_daemon_even_when_the_lock_is_moved_away() {
    let (first, second) = (home(), home());
    let _daemon = launch().start(&first).await;
    fs::rename(first.codex_home().join(".codex-manager.lock"), first.codex_home().join("moved")).unwrap();
    let codex_home = first.codex_home().display().to_string();
    assert_refused(launch().option("--codex-home", &codex_home), &second, &[&codex_home, "another daemon"]).await;
}

#[tokio::test]
async fn a_folder_of_other_things_is_no_data_folder() {
    let home = home();
    let data = home.path().display().to_string();
    let before = names(home.path());
    assert_refused(launch().option("--data-dir", &data), &home, &[&data, "an empty or a new folder"]).await;
    let log_aside: Vec<String> = names(home.path()).into_iter().filter(|name| name != "daemon.log").collect();
    assert_eq!(log_aside, before);
}

#[tokio::test]
async fn a_data_folder_is_not_codex_home() {
    let home = home();
    let data = home.data().display().to_string();
    assert_refused(launch().option("--codex-home", &data), &home, &[&data, "--codex-home"]).await;
    assert_eq!(names(&home.data()), [""; 0]);
}

#[tokio::test]
async fn what_is_in_the_place_of_a_file_is_named() {
    for name in ["lock", "token", "address"] {
        let home = home();
        fs::write(home.data().join("store.sqlite3"), "").unwrap();
        fs::create_dir(home.data().join(name)).unwrap();
        let path = home.data().join(name).display().to_string();
        assert_refused(launch(), &home, &[&path, "move it away"]).await;
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_used_is_named_with_the_next_step() {
    let cases: [(&str, Range<usize>, &[&str]); 4] = [
        ("its schema", 60..64, &["made by a newer version", "start that version"]),
        ("whose it is", 68..72, &["not a database of codex-manager", "move it away"]),
        ("its tables", 100..4096, &["damaged", "move it away"]),
        ("what is in them", 4096..usize::MAX, &["damaged", "move it away"]),
    ];
    for (what, place, words) in cases {
        let home = home();
        launch().start(&home).await.stop().await;
        let file = home.data().join("store.sqlite3");
        let mut bytes = fs::read(&file).unwrap();
        let end = bytes.len().min(place.end);
        bytes[place.start..end].fill(0x7f);
        fs::write(&file, bytes).unwrap();
        println!("{what} is overwritten");
        let file = file.display().to_string();
        assert_refused(launch(), &home, &[words, &[&file]].concat()).await;
    }
}

#[tokio::test]
async fn links_in_the_data_folder_are_not_written_through() {
    let home = home();
    let precious = home.path().join("precious");
    fs::write(&precious, "theirs").unwrap();
    fs::create_dir(home.data().join("logs")).unwrap();
    fs::write(home.data().join("store.sqlite3"), "").unwrap();
    for name in ["address.new", "address", "token.new", "token", "logs/app-server.log"] {
        std::os::unix::fs::symlink(&precious, home.data().join(name)).unwrap();
    }
    let daemon = launch().start(&home).await;
    daemon.api().until_codex_is("ready").await;
    assert!(fs::read_to_string(home.data().join("address")).unwrap().starts_with("127.0.0.1:"));
    daemon.stop().await;
    assert_eq!(fs::read_to_string(precious).unwrap(), "theirs");
}

#[tokio::test]
async fn that_nobody_reads_the_announcement_is_no_reason_to_stop() {
    let home = home();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_daemon-under-test"))
        .args(["serve", "--listen", "127.0.0.1:0", "--codex-bin", env!("CARGO_BIN_EXE_scripted-app-server")])
        .arg("--data-dir")
        .arg(home.data())
        .arg("--codex-home")
        .arg(home.codex_home())
        .stdin(Stdio::null())
        .stdout(full)
        .stderr(fs::File::create(home.log()).unwrap())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    until("the warning", async || said(&home, "cannot write to stdout").then_some(())).await;
    let address = fs::read_to_string(home.data().join("address")).unwrap();
    assert!(TcpStream::connect(address.trim()).is_ok());
    child.kill().await.unwrap();
}

#[tokio::test]
async fn a_child_that_is_not_contained_is_told_once_with_what_that_means() {
    let home = home();
    let daemon = launch().option("--bwrap", "/bin/false").start(&home).await;
    daemon.api().until_codex_is("ready").await;
    daemon.stop().await;
    let log = fs::read_to_string(home.log()).unwrap();
    assert_eq!(log.matches("can read what this program keeps").count(), 1, "{log}");
}

fn said(home: &Home, words: &str) -> bool {
    fs::read_to_string(home.log()).unwrap_or_default().contains(words)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
