//! Starts, ends, and what comes between.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use codex_manager_app_server::{Config, Contained, Containment, ContainmentPolicy, Phase, Signal, leftovers};
use serde_json::json;

use crate::script::{DEADLINE, kill, script, script_with};

#[tokio::test]
async fn a_child_that_exits_at_once_ends_in_a_visible_crash_loop_and_is_still_tried() {
    let mut child = script(r#"echo "$(printf '\033[31m')no config here" >&2; exit 7"#);
    let state = child.state(|state| matches!(state.phase, Phase::CrashLoop { .. })).await;
    let exit = state.last_exit.unwrap();
    assert_eq!((exit.code, exit.signal), (Some(7), None));
    assert_eq!(exit.reason, "it exited with code 7; it last said: no config here");
    let (next, told) = child.rests().await;
    assert!(matches!(next, Phase::Restarting { attempt: 1, .. }), "{next:?}");
    assert_eq!(told.unwrap().code, Some(7), "also of a life that nobody heard begin");
    while !matches!(child.rests().await.0, Phase::CrashLoop { .. }) {}
    let restarts = state.restarts;
    child.state(|state| state.restarts > restarts + 2).await;
    child.app.stop().await;
}

#[tokio::test]
async fn a_life_that_lasted_ends_the_row_of_failures() {
    let child = script_with("hello; exit 0", |config| config.backoff.stable = Duration::ZERO);
    child.state(|state| state.restarts > 10).await;
    child.state(|state| matches!(state.phase, Phase::Restarting { attempt: 1, .. })).await;
    child.app.stop().await;
}

#[tokio::test]
async fn a_child_that_speaks_garbage_never_becomes_ready() {
    for body in ["while :; do echo garbage; sleep 0.01; done", "read -r line; sleep 600"] {
        let mut child = script_with(body, |config| config.timeouts.handshake = Duration::from_millis(200));
        let state = child.state(|state| state.restarts > 1).await;
        assert!(state.last_exit.unwrap().reason.contains("did not finish the handshake"));
        while let Some(signal) = child.signals.try_recv() {
            assert!(matches!(signal, Signal::Resting { .. }), "{signal:?}");
        }
        child.app.stop().await;
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_said_and_not_tried_again() {
    let old = script(r#"read -r line; printf '{"id":1,"result":{"userAgent":"t/0.168.9 (X)"}}\n'; serve"#);
    let missing = script_with("", |config| config.program = "no-such-codex-anywhere".into());
    let gone = script_with("", |config| config.program = "/nowhere/codex".into());
    let homeless = script_with("hello; serve", |config| config.codex_home = Some("/nowhere/home".into()));
    let required = script_with("hello; serve", |config| {
        config.containment = Containment {
            policy: ContainmentPolicy::Required,
            bwrap: Some("/bin/false".into()),
            ..Containment::default()
        };
    });
    let table = [
        (old, "0.168.9"),
        (missing, "not found on PATH"),
        (gone, "does not exist"),
        (homeless, "CODEX_HOME /nowhere/home"),
        (required, "not contained"),
    ];
    for (mut child, word) in table {
        assert!(matches!(child.rests().await.0, Phase::Unusable { .. }), "{word}");
        let state = child.state(|state| matches!(state.phase, Phase::Unusable { .. })).await;
        assert!(state.phase.to_string().contains(word) && state.restarts == 0, "{state:?}");
        child.app.stop().await;
        assert_eq!(child.app.state().borrow().phase, Phase::Stopped);
    }
}

#[tokio::test]
async fn a_start_that_fails_names_the_program_and_the_folder() {
    let broken = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempfile().unwrap();
    std::fs::write(broken.path(), "no program").unwrap();
    let program = broken.into_temp_path();
    let child = script_with("", |config| {
        config.program = program.to_path_buf();
        config.folder = ".".into();
    });
    let reason = child.state(|state| state.last_exit.is_some()).await.last_exit.unwrap().reason;
    let here = std::env::current_dir().unwrap();
    let what = format!("{} in {} could not be started", program.display(), here.display());
    assert!(reason.contains(&what), "{reason}");
    child.app.stop().await;
}

#[tokio::test]
async fn a_newer_child_is_welcome() {
    let child = script(r#"read -r line; printf '{"id":1,"result":{"userAgent":"t/1.2.3-beta.1 (X)"}}\n'; serve"#);
    assert_eq!(child.ready().await.version.as_deref(), Some("1.2.3-beta.1"));
    child.app.stop().await;
}

#[tokio::test]
async fn without_bubblewrap_the_child_starts_and_the_state_says_so() {
    let child = script_with("hello; serve", |config| {
        config.containment = Containment { bwrap: Some("/bin/false".into()), ..Containment::default() };
    });
    let state = child.ready().await;
    assert!(matches!(&state.contained, Contained::No { reason } if reason.contains("not contained")), "{state:?}");
    child.app.stop().await;
}

#[tokio::test]
async fn a_killed_child_comes_back_as_another_generation() {
    let mut child = script("hello; serve");
    let first = child.started().await;
    let state = child.ready().await;
    assert_eq!(state.generation, Some(first.clone()));
    kill(state.pid.unwrap());
    let Signal::Exited { generation, exit } = child.next().await else { panic!("no exit") };
    assert_eq!((generation, exit.signal, exit.code), (first.clone(), Some(9), None));
    let (next, told) = child.rests().await;
    assert!(matches!(next, Phase::Restarting { attempt: 1, .. }), "{next:?}");
    assert_eq!(told.as_ref(), Some(&exit));
    assert_ne!(child.started().await, first);
    let state = child.ready().await;
    assert_eq!((state.restarts, state.last_exit), (1, Some(exit)));
    assert_eq!(child.app.call("x", json!({})).await.unwrap(), "ok");
    child.app.stop().await;
}

#[tokio::test]
async fn stop_leaves_no_process_however_stubborn_the_child_is() {
    let polite = "hello; serve";
    let deaf = "hello; trap '' TERM; sleep 600 & while :; do sleep 1; done";
    let flooding = r#"hello; trap '' TERM PIPE; while :; do echo '{"method":"m"}'; done"#;
    let unready = "sleep 600";
    for body in [polite, deaf, flooding, unready] {
        let mut child = script_with(body, |config| {
            config.signals_max = 1;
            config.timeouts.close = Duration::from_millis(100);
            config.timeouts.terminate = Duration::from_millis(100);
        });
        if body != unready {
            child.ready().await;
        }
        tokio::time::timeout(DEADLINE, child.app.stop()).await.unwrap();
        assert_eq!(leftovers(&child.marker), []);
        let state = child.app.state().borrow().clone();
        assert_eq!((state.phase, state.pid, state.generation), (Phase::Stopped, None, None));
        while let Some(signal) = child.signals.recv().await {
            assert!(!matches!(signal, Signal::Noise { .. }), "{signal:?}");
        }
    }
}

#[tokio::test]
async fn uncontained_what_detached_itself_is_found_by_its_marker() {
    let mut child = script(
        r#"hello; setsid sh -c 'touch detached; exec sleep 600' <&- >&- 2>&- &
        while [ ! -e detached ]; do sleep 0.01; done; echo '{"method":"done"}'; serve"#,
    );
    child.started().await;
    child.notification().await;
    child.app.stop().await;
    let left = leftovers(&child.marker);
    left.iter().for_each(|left| kill(left.pid));
    assert!(left.len() == 1 && left[0].command.ends_with("sleep 600"), "{left:?}");
}

#[tokio::test]
async fn dropping_every_handle_stops_the_child() {
    let mut child = script("hello; serve");
    child.started().await;
    let marker = child.marker.clone();
    drop(child.app);
    let end = async { while child.signals.recv().await.is_some() {} };
    tokio::time::timeout(DEADLINE, end).await.unwrap();
    assert_eq!(leftovers(&marker), []);
}

#[tokio::test]
async fn the_environment_and_the_log_are_as_configured() {
    let child = script_with(
        r#"hello; echo "to the log" >&2; request; answer "$CODEX_HOME,$EXTRA,$DATA_DIR,$CODEX_SUPERVISOR"; serve"#,
        |config| {
            config.codex_home = Some(config.folder.clone());
            config.environment.set = vec![("EXTRA".into(), "extra".into())];
            config.stderr = Some(config.folder.join("logs/child.log"));
        },
    );
    child.ready().await;
    let home = child.folder.path().canonicalize().unwrap();
    let expected = format!("{},extra,,{}", home.display(), child.marker);
    assert_eq!(child.app.call("x", json!({})).await.unwrap(), expected);
    child.app.stop().await;
    let log = std::fs::read_to_string(child.file("logs/child.log")).unwrap();
    assert!(log.starts_with("--- gen_") && log.ends_with("to the log\n"), "{log}");
}

#[test]
fn a_runtime_is_needed_and_a_masked_home_refused() {
    assert!(Config::new("sh", "/").build().unwrap_err().to_string().contains("runtime"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _guard = runtime.enter();
    let mut config = Config::new("sh", "/");
    config.codex_home = Some("/tmp".into());
    config.containment.mask = vec!["/tmp/".into()];
    assert!(config.build().unwrap_err().to_string().contains("/tmp"));
}
