//! The agent is not the user: a turn that looks for the daemon's token finds nothing, in every sandbox mode.

use codex_manager_tests::{Home, Launch, skip};

use crate::offline::{Offline, real_codex};

#[tokio::test]
async fn a_turn_cannot_read_the_token_nor_use_the_api() {
    let offline = Offline::start(&real_codex!()).await;
    if let Some(why) = offline.not_contained().await {
        skip!(format!("the child is not contained here: {why}"));
    }
    let token = offline.home.data().join("token");
    let (path, api) = (token.display(), offline.api.base());
    let script = format!(
        "::exec t=$(cat {path}) && curl -s -H \"Authorization: Bearer $t\" {api}/api/sessions; ls {}; echo over",
        offline.home.data().display()
    );
    for sandbox in ["read-only", "workspace-write", "danger-full-access"] {
        let session = offline.session("never", sandbox).await;
        let answer = offline.ask(&session, &script).await;
        assert!(answer.contains("No such file or directory") && answer.contains("over"), "{sandbox}: {answer}");
        assert!(!answer.contains("sessionId") && !answer.contains("store.sqlite3"), "{sandbox}: {answer}");
    }
    // The same command outside finds it all, so that a spelling mistake cannot pass this test.
    assert_eq!(std::fs::read_to_string(token).unwrap().trim(), offline.api.bearer());
}

#[tokio::test]
async fn a_turn_does_not_see_the_daemon_among_the_processes() {
    let offline = Offline::start(&real_codex!()).await;
    if let Some(why) = offline.not_contained().await {
        skip!(format!("the child is not contained here: {why}"));
    }
    let session = offline.session("never", "danger-full-access").await;
    let answer = offline.ask(&session, "::exec cat /proc/[0-9]*/cmdline | tr '\\0' ' '; echo over").await;
    assert!(answer.contains("app-server") && answer.contains("over"), "{answer}");
    // What contains the child names the daemon's program, which it keeps from being written; it does not run there.
    assert!(!answer.contains("daemon-under-test serve"), "{answer}");
}

#[tokio::test]
async fn a_daemon_that_cannot_contain_its_child_says_so_and_what_that_means() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let launch = Launch::new(env!("CARGO_BIN_EXE_daemon-under-test"), env!("CARGO_BIN_EXE_scripted-app-server"));
    let daemon = launch.option("--bwrap", "/bin/false").argument("--allow-uncontained").start(&home).await;
    daemon.api().until_codex_is("ready").await;
    let log = daemon.log();
    assert!(log.contains("without containment") && log.contains("type into its terminal"), "{log}");
    assert_eq!(log.matches("without containment").count(), 1, "{log}");
}

#[tokio::test]
async fn a_codex_home_that_was_swapped_for_a_link_into_the_data_folder_is_refused() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let logs = home.data().join("logs");
    std::fs::create_dir(&logs).unwrap();
    std::fs::remove_dir(home.codex_home()).unwrap();
    std::os::unix::fs::symlink(&logs, home.codex_home()).unwrap();
    let launch = Launch::new(env!("CARGO_BIN_EXE_daemon-under-test"), env!("CARGO_BIN_EXE_scripted-app-server"));
    let refusal = launch.try_start(&home).await.unwrap_err();
    assert!(!refusal.status.success() && refusal.log.contains("leads by a link into"), "{}", refusal.log);
}
