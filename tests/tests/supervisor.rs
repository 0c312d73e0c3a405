//! The supervisor by itself, without the daemon, over the real Codex.

use std::path::PathBuf;
use std::time::Duration;

use codex_manager_app_server::protocol::{ThreadRead, ThreadStart};
use codex_manager_app_server::{
    AppServer, CallError, ChildState, Config, Contained, Containment, ContainmentPolicy, Phase, Signals, leftovers,
};
use codex_manager_scripted_model::codex_config;
use codex_manager_tests::{Home, Process, skip, soon};
use rustix::process::{Pid, getsid};
use serde_json::{Value, json};

use crate::offline::real_codex;

/// Codex with a data folder that holds a token, and a `CODEX_HOME` inside that folder.
struct Codex {
    app: AppServer,
    signals: Signals,
    marker: String,
    data: PathBuf,
    folders: Home,
}

/// Starts Codex contained, after a word on the configuration; `Err` says why it cannot be contained here.
async fn start_with(program: PathBuf, change: impl FnOnce(&mut Config, &Home)) -> Result<Codex, String> {
    let folders = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let data = folders.data();
    let home = data.join("codex-home");
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(data.join("token"), "the secret").unwrap();
    // No turn is run here, so nobody is asked at this address.
    std::fs::write(home.join("config.toml"), codex_config("http://127.0.0.1:9/v1", "read-only")).unwrap();
    let mut config = Config::new(program, folders.project());
    config.codex_home = Some(home);
    config.containment =
        Containment { policy: ContainmentPolicy::Required, mask: vec![data.clone()], ..Containment::default() };
    config.backoff.first = Duration::from_millis(10);
    change(&mut config, &folders);
    let marker = config.marker.clone();
    let (app, signals) = config.build().unwrap();
    let mut state = app.state();
    let ended = |phase: &Phase| matches!(phase, Phase::Ready | Phase::Unusable { .. });
    let state = soon("the child", state.wait_for(|state| ended(&state.phase))).await.unwrap().clone();
    if let Phase::Unusable { reason } = state.phase {
        app.stop().await;
        return Err(reason);
    }
    assert!(matches!(state.contained, Contained::Yes { .. }), "{state:?}");
    Ok(Codex { app, signals, marker, data, folders })
}

/// Codex, contained, or the end of this test, told loudly.
macro_rules! contained {
    () => {
        contained!(|_, _| ())
    };
    ($change:expr) => {
        match start_with(real_codex!(), $change).await {
            Ok(codex) => codex,
            Err(why) => skip!(why),
        }
    };
}

impl Codex {
    /// Runs a command in the child's world, without any sandbox of Codex's own.
    async fn run(&self, script: &str) -> Value {
        let params = json!({"command": ["/bin/sh", "-c", script], "sandboxPolicy": {"type": "dangerFullAccess"}});
        self.app.call("command/exec", params).await.unwrap()
    }

    /// Kills the child and waits for what becomes of that.
    async fn after_a_kill(&self) -> ChildState {
        let before = self.app.state().borrow().clone();
        Process::find(before.pid.unwrap()).unwrap().kill();
        let mut state = self.app.state();
        let is_over = |state: &ChildState| match state.phase {
            Phase::Ready => state.generation != before.generation,
            Phase::Unusable { .. } => true,
            _ => false,
        };
        soon("the next child", state.wait_for(is_over)).await.unwrap().clone()
    }

    /// Why no other child is started after this one was killed.
    async fn unusable_after_a_kill(&self) -> String {
        match self.after_a_kill().await.phase {
            Phase::Unusable { reason } => reason,
            phase => panic!("{phase:?}"),
        }
    }
}

#[tokio::test]
async fn the_handshake_works_and_the_pid_is_the_app_servers_own() {
    let codex = contained!();
    let state = codex.app.state().borrow().clone();
    let name = std::fs::read_to_string(format!("/proc/{}/comm", state.pid.unwrap())).unwrap();
    assert!(name.starts_with("codex"), "{name}");
    assert!(state.version.unwrap().starts_with("0."));
    codex.app.stop().await;
    assert_eq!(leftovers(&codex.marker), []);
}

#[tokio::test]
async fn typed_calls_are_answered() {
    let codex = contained!();
    let started = codex.app.request(ThreadStart { cwd: Some("/".into()), ..ThreadStart::default() }).await.unwrap();
    let thread_id = started.thread.id.clone();
    assert_eq!((&started.thread.raw["cwd"], &started.thread.raw["id"]), (&json!("/"), &json!(thread_id)));
    let read = codex.app.request(ThreadRead { thread_id: thread_id.clone(), include_turns: false }).await.unwrap();
    assert_eq!((&read.thread.id, &read.thread.raw["status"]["type"]), (&thread_id, &json!("idle")));
    // Everything that is invalid is -32600 to Codex, unknown methods too.
    let unknown = codex.app.call("no/such/method", json!({})).await;
    assert!(matches!(unknown, Err(CallError::Rejected { code: -32600, .. })), "{unknown:?}");
    codex.app.stop().await;
}

#[tokio::test]
async fn a_command_of_the_child_cannot_reach_beneath_the_mask() {
    let codex = contained!();
    let data = codex.data.display();
    let attack = format!(
        "umount {data}; umount -l {data}; unshare -Urm umount {data}; cat {data}/token; ls {data}; \
         for p in /proc/[0-9]*; do cat $p/root{data}/token; done"
    );
    let seen = codex.run(&attack).await;
    assert_eq!(seen["stdout"], "codex-home\n", "{seen}");
    let outside = std::process::id();
    let seen = codex.run(&format!("cat /proc/{outside}/comm; grep -l launcher /proc/[0-9]*/comm")).await;
    assert_eq!(seen["stdout"], "", "{seen}");
    codex.app.stop().await;
    assert_eq!(std::fs::read_to_string(codex.data.join("token")).unwrap(), "the secret");
}

#[tokio::test]
async fn nothing_of_a_killed_child_is_left_and_it_comes_back() {
    let mut codex = contained!();
    let detached = codex.run("setsid sleep 600 </dev/null >/dev/null 2>&1 & echo started").await;
    assert_eq!(detached["stdout"], "started\n");
    let before = codex.app.state().borrow().clone();
    let after = codex.after_a_kill().await;
    assert_ne!(before.generation, after.generation);
    assert_eq!((after.restarts, &after.phase), (1, &Phase::Ready));
    assert_eq!(after.last_exit.unwrap().signal, Some(9));
    let left = leftovers(&codex.marker);
    assert!(left.iter().all(|left| left.command != "sleep 600"), "{left:?}");
    codex.app.stop().await;
    assert_eq!(leftovers(&codex.marker), []);
    while codex.signals.recv().await.is_some() {}
}

#[tokio::test]
async fn no_folder_above_a_masked_one_can_be_moved_from_under_the_mask() {
    let codex = contained!();
    let (folder, data) = (codex.folders.path().display(), codex.data.display());
    let attack =
        format!("mv {folder} {folder}.old && mkdir -p {data}; echo $?; echo new >{folder}/file; cat {folder}/file");
    let seen = codex.run(&attack).await;
    // What is held in place can be written to as before.
    assert_eq!(seen["stdout"], "1\nnew\n", "{seen}");
    assert_eq!(codex.after_a_kill().await.phase, Phase::Ready);
    let seen = codex.run(&format!("cat {folder}*/data/token; echo over")).await;
    assert_eq!(seen["stdout"], "over\n", "{seen}");
    codex.app.stop().await;
}

#[tokio::test]
async fn a_masked_folder_with_a_stand_in_in_its_place_is_noticed() {
    let codex = contained!();
    let moved = codex.folders.path().join("moved");
    std::fs::rename(&codex.data, &moved).unwrap();
    std::fs::create_dir_all(codex.data.join("codex-home")).unwrap();
    let reason = codex.unusable_after_a_kill().await;
    assert!(reason.contains(codex.data.to_str().unwrap()) && reason.contains("restart the daemon"), "{reason}");
    codex.app.stop().await;
}

#[tokio::test]
async fn a_codex_home_that_became_a_link_into_the_masked_folder_is_noticed() {
    let codex = contained!(|config, folders| config.codex_home = Some(folders.codex_home()));
    let home = codex.folders.codex_home();
    let seen = codex.run(&format!("mv {0} {0}.old; echo $?", home.display())).await;
    assert_eq!(seen["stdout"], "1\n", "{seen}");
    std::fs::rename(&home, codex.folders.path().join("moved")).unwrap();
    std::fs::create_dir(codex.data.join("logs")).unwrap();
    std::os::unix::fs::symlink(codex.data.join("logs"), &home).unwrap();
    let reason = codex.unusable_after_a_kill().await;
    assert!(reason.contains(home.to_str().unwrap()), "{reason}");
    codex.app.stop().await;
}

#[tokio::test]
async fn the_bubblewrap_that_is_started_outside_cannot_be_replaced_and_if_it_was_that_is_noticed() {
    let codex = contained!(|config, folders| {
        let packaged = config.program.canonicalize().unwrap().parent().unwrap().join("../codex-resources/bwrap");
        let tools = folders.path().join("tools");
        std::fs::create_dir(&tools).unwrap();
        // Not every Codex brings one along.
        let bwrap = if packaged.exists() { packaged } else { "/usr/bin/bwrap".into() };
        std::fs::copy(bwrap, tools.join("bwrap")).unwrap();
        config.containment.bwrap = Some(tools.join("bwrap"));
    });
    let tools = codex.folders.path().join("tools");
    let (folder, bwrap) = (tools.display(), tools.join("bwrap"));
    let attack = format!(
        "cd {folder}; echo >>bwrap; mv bwrap b; rm -f bwrap; echo >evil; mv evil bwrap; cd ..; mv tools t; cp -r t tools; \
         ls {folder}"
    );
    let before = std::fs::read(&bwrap).unwrap();
    let seen = codex.run(&attack).await;
    assert_eq!(seen["stdout"], "bwrap\nevil\n", "{seen}");
    assert!(std::fs::read(&bwrap).unwrap() == before);
    assert_eq!(codex.after_a_kill().await.phase, Phase::Ready);
    std::fs::rename(tools.join("evil"), &bwrap).unwrap();
    let reason = codex.unusable_after_a_kill().await;
    assert!(reason.contains(bwrap.to_str().unwrap()) && reason.contains("upgraded"), "{reason}");
    codex.app.stop().await;
}

#[tokio::test]
async fn the_child_has_no_part_in_the_terminal_of_the_supervisor() {
    let codex = contained!();
    let pid = codex.app.state().borrow().pid.unwrap();
    let session = |pid| getsid(pid).unwrap();
    assert_ne!(session(Pid::from_raw(pid.cast_signed())), session(None));
    let inside = codex.run("for p in /proc/[0-9]*; do cut -d' ' -f7 $p/stat; done | sort -u").await;
    assert!(!inside["stdout"].as_str().unwrap().lines().any(|terminal| terminal != "0"), "{inside}");
    codex.app.stop().await;
}
