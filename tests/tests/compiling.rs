//! Bytes that nobody has run yet do not take the daemon down: another process compiles them, and goes with it.

use std::fs;
use std::process::{Command, Stdio};

use codex_manager_tests::{Home, Process, until};

use crate::stage::{Stage, launch};

const BOMB: &str = "acme.bomb";
const MANIFEST: &str = "manifest = 1\n[extension]\nid = \"acme.bomb\"\nversion = \"1.0.0\"\nname = \"N\"\n\
                        description = \"D.\"\ncomponent = \"bomb.wasm\"\n[handlers.on-event]\n\
                        kinds = [\"app_server.turn.completed\"]\n";
/// How much its compiler takes until it is looked at; the daemon has less.
const TAKEN_KIB: u64 = 128 * 1024;

/// A component that exports the handler of events, with so many functions beside it that it is compiled for longer than
/// anything here is waited for.
fn bomb() -> Vec<u8> {
    let branch = |n: u32| {
        format!(
            "(if (local.get {}) (then (local.set {} (i32.add (local.get {}) (local.get {})))))",
            n * 7 % 1000,
            n * 13 % 1000,
            n * 31 % 1000,
            n * 97 % 1000
        )
    };
    let body: String = (0..5_000).map(branch).collect();
    let function = format!("(func (local {}) {body})", "i32 ".repeat(1000));
    let text = format!(
        r#"(component
          (core module {})
          (core module $m (func (export "f")))
          (core instance $i (instantiate $m))
          (func $handle (canon lift (core func $i "f")))
          (instance $handler (export "handle" (func $handle)))
          (export "codex-manager:on-event/handler@1.0.0" (instance $handler)))"#,
        function.repeat(100)
    );
    let component = wat::parse_str(text).unwrap();
    assert!(component.len() > 1024 * 1024, "it has the bounds of large ones: {}", component.len());
    component
}

/// What the system says of a process under this name, in KiB.
fn kib(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

#[tokio::test]
async fn a_bomb_costs_the_daemon_nothing_and_its_compiler_goes_with_a_daemon_that_is_killed() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let drops = home.path().join("drops");
    fs::create_dir_all(drops.join("bomb")).unwrap();
    fs::write(drops.join("bomb/extension.toml"), MANIFEST).unwrap();
    fs::write(drops.join("bomb/bomb.wasm"), bomb()).unwrap();
    let launch = launch().option("--extensions", drops);
    let daemon = launch.start(&home).await;
    let stage = Stage::of(home, daemon);
    stage.api.say_yes_to_extension(BOMB).await;
    let home = stage.end().await;

    let daemon = launch.start(&home).await;
    let pid = daemon.pid();
    let compilers = || {
        let ours = Process::descendants(pid);
        let all = Process::with_argument("compile-extension").into_iter();
        all.filter(|process| ours.contains(process)).collect::<Vec<_>>()
    };
    let taken = || compilers().iter().map(|compiler| kib(compiler.pid, "VmRSS:")).sum::<u64>();
    until("its compiler has taken a lot", async || (taken() > TAKEN_KIB).then_some(())).await;
    let daemon_has = kib(pid, "VmHWM:");
    assert!(daemon_has < TAKEN_KIB, "the daemon has taken {daemon_has} KiB");
    let compilers = compilers();
    assert_eq!(compilers.len(), 1);
    daemon.kill().await;
    Process::all_gone(&compilers).await;
}

#[test]
fn by_hand_there_is_nothing_to_compile() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daemon-under-test"));
    let output = command.arg("compile-extension").stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("compiles extensions for a host that starts it by itself"), "{said}");
    assert!(output.stdout.is_empty());
}
