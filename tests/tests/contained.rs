//! What a turn gets of the machine: what is named, and nothing else, in every sandbox mode, whoever runs the daemon.
//! And where that cannot be had, that is what is said.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use codex_manager_tests::{Daemon, Home, Launch, skip, soon};
use rustix::process::geteuid;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::offline::{Offline, real_codex};

mod container;

const MODES: [&str; 3] = ["read-only", "workspace-write", "danger-full-access"];
const DAEMON: &str = env!("CARGO_BIN_EXE_daemon-under-test");
const LOOK_WITHIN: &str = env!("CARGO_BIN_EXE_look-within");
/// Who is nobody in particular.
const OTHER_USER: u32 = 65534;
/// Those capabilities that root's child has; none is over the machine, its network or its kernel.
const GIVEN: u64 = 0x8000_00fb;
const DEVICES: [&str; 7] = ["full", "null", "ptmx", "random", "tty", "urandom", "zero"];

fn launch(codex: &Path) -> Launch {
    Launch::new(DAEMON, codex)
}

/// A daemon with the real Codex, run by this user; the reason if it is not contained.
async fn contained(codex: &Path) -> Result<Offline, String> {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let offline = Offline::start_by(home, launch(codex).argument("--allow-uncontained"), |_| ()).await;
    match offline.not_contained().await {
        Some(why) => Err(format!("the child is not contained here: {why}")),
        None => Ok(offline),
    }
}

/// Why another user than root can not be played here; what it may run is `program`.
fn no_other_user(program: &Path) -> Option<String> {
    if !geteuid().is_root() {
        return Some("only root can start a daemon as another user".to_owned());
    }
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", "test -x \"$0\""]).arg(program);
    std::os::unix::process::CommandExt::uid(&mut command, OTHER_USER);
    let can = command.status().is_ok_and(|status| status.success());
    (!can).then(|| format!("user {OTHER_USER} cannot run {}", program.display()))
}

/// Copies of the parts of Codex that it needs, where any user can read them.
fn copy_codex(codex: &Path, to: &Path) -> PathBuf {
    let from = codex.canonicalize().unwrap().parent().unwrap().parent().unwrap().to_owned();
    for part in
        ["bin/codex", "bin/codex-code-mode-host", "codex-package.json", "codex-resources/bwrap", "codex-path/rg"]
    {
        if from.join(part).exists() {
            fs::create_dir_all(to.join(part).parent().unwrap()).unwrap();
            fs::copy(from.join(part), to.join(part)).unwrap();
        }
    }
    to.join("bin/codex")
}

/// The bubblewrap in Codex's package, else the system's.
fn bwrap_of(codex: &Path) -> PathBuf {
    let packaged = codex.canonicalize().unwrap().parent().unwrap().parent().unwrap().join("codex-resources/bwrap");
    if packaged.exists() { packaged } else { "/usr/bin/bwrap".into() }
}

fn give_away(path: &Path, user: u32) {
    chown(path, Some(user), Some(user)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        fs::read_dir(path).unwrap().for_each(|entry| give_away(&entry.unwrap().path(), user));
    }
}

/// What `look-within` says, in each turn as it stands, in a user namespace of its own there, and with a fresh `/proc` in
/// that. The latter two may not come about.
async fn looks(offline: &Offline, codex: &Path, mode: &str) -> Vec<Value> {
    let data = offline.home.data();
    let bwrap = bwrap_of(codex);
    let paths = [PathBuf::from(DAEMON), data.join("token"), data.join("socket"), bwrap.clone()];
    let look = paths.iter().fold(LOOK_WITHIN.to_owned(), |line, path| format!("{line} {}", path.display()));
    let nested = format!("{} --unshare-user --cap-add ALL --dev-bind / /", bwrap.display());
    let script = format!("{look}; {nested} -- {look}; {nested} --unshare-pid --proc /proc -- {look}; echo over");
    fs::write(offline.home.project().join("look.sh"), script).unwrap();
    let session = offline.session("never", mode).await;
    let answer = offline.ask(&session, "::exec sh look.sh").await;
    assert!(answer.contains("over"), "{mode}: {answer}");
    let lines = answer.lines().filter_map(|line| line.find('{').and_then(|at| serde_json::from_str(&line[at..]).ok()));
    let looks: Vec<Value> = lines.collect();
    assert!(!looks.is_empty(), "{mode}: {answer}");
    looks
}

/// Whether a setting is of a namespace that this process has no part in, so that it is nobody's but the turn's.
fn is_its_own(look: &Value, path: &str) -> bool {
    let namespace = match path.strip_prefix("/proc/sys/").unwrap_or_default().split_once('/') {
        Some(("fs", name)) if name.starts_with("mqueue/") => "ipc",
        Some(("kernel", "pid_max")) => "pid",
        Some(("kernel", name)) if ["auto_msgmni", "msg", "sem", "shm"].iter().any(|of| name.starts_with(of)) => "ipc",
        Some(("net", _)) => "net",
        Some(("user", _)) => "user",
        _ => return false,
    };
    let ours = fs::read_link(format!("/proc/self/ns/{namespace}")).unwrap();
    look["namespaces"][namespace].as_str().is_some_and(|its| Path::new(its) != ours)
}

/// Whether a look finds what it may, and no more.
fn judge(look: &Value, daemon: &str, told: &str, is_root: bool) {
    assert_eq!(look["noNewPrivileges"], "1", "{told}: {look}");
    assert_eq!(look["sockets"], json!([]), "{told}: {look}");
    let writable = look["writable"].as_array().unwrap().iter().map(|path| path.as_str().unwrap());
    assert_eq!(writable.filter(|path| is_root || !is_its_own(look, path)).collect::<Vec<_>>(), [""; 0], "{told}");
    if is_root {
        assert_eq!(look["writableByAll"], json!([]), "{told}: {look}");
    }
    let devices = look["devices"].as_array().unwrap().iter().map(|path| path.as_str().unwrap());
    let is_given = |path: &str| {
        let name = path.strip_prefix("/dev/").unwrap();
        DEVICES.contains(&name) || name.starts_with("pts/")
    };
    assert_eq!(devices.filter(|path| !is_given(path)).collect::<Vec<_>>(), [""; 0], "{told}");
    for (path, found) in look["paths"].as_object().unwrap() {
        assert_eq!(found["canWrite"], false, "{told}: {path}");
        let is_secret = path.ends_with("/token") || path.ends_with("/socket");
        assert!(!is_secret || found["isThere"] == false, "{told}: {path}");
    }
    assert_eq!(look["paths"][daemon]["isThere"], true, "{told}: {look}");
}

async fn judge_all_modes(offline: &Offline, codex: &Path, is_root: bool) {
    for mode in MODES {
        let looks = looks(offline, codex, mode).await;
        // In user namespaces of their own they have every capability over what is theirs, which is nothing of this.
        let has = u64::from_str_radix(looks[0]["capabilities"].as_str().unwrap(), 16).unwrap();
        assert_eq!(has & !(if is_root { GIVEN } else { 0 }), 0, "{mode}: {has:x}");
        for (at, look) in looks.iter().enumerate() {
            judge(look, DAEMON, &format!("{mode}, look {at}"), is_root);
        }
        if mode == "danger-full-access" {
            assert!(looks.len() > 1, "no user namespace was made in a turn, so nothing was shown of one");
        }
    }
    // The same outside finds the files, so that a spelling mistake cannot pass this test.
    let data = offline.home.data();
    assert!(data.join("token").exists() && fs::metadata(data.join("socket")).unwrap().file_type().is_socket());
}

#[tokio::test]
async fn a_turn_gets_of_the_kernel_what_is_given_in_every_sandbox_mode() {
    let codex = real_codex!();
    match contained(&codex).await {
        Ok(offline) => judge_all_modes(&offline, &codex, geteuid().is_root()).await,
        Err(why) => skip!(why),
    }
}

#[tokio::test]
async fn so_does_a_turn_of_another_user() {
    let codex = real_codex!();
    if let Some(why) = no_other_user(Path::new(DAEMON)) {
        skip!(why);
    }
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let codex = copy_codex(&codex, &home.path().join("codex"));
    let launch = launch(&codex).argument("--allow-uncontained").user(OTHER_USER);
    let offline = Offline::start_by(home, launch, |home| give_away(home.path(), OTHER_USER)).await;
    if let Some(why) = offline.not_contained().await {
        skip!(format!("the child of another user is not contained here: {why}"));
    }
    judge_all_modes(&offline, &codex, false).await;
}

#[tokio::test]
async fn roots_turn_still_works_on_the_files_of_other_users_and_with_git() {
    let codex = real_codex!();
    if !geteuid().is_root() {
        skip!("only root's turns write the files of other users");
    }
    let offline = match contained(&codex).await {
        Ok(offline) => offline,
        Err(why) => skip!(why),
    };
    let theirs = offline.home.project().join("theirs");
    fs::write(&theirs, "read me\n").unwrap();
    fs::set_permissions(&theirs, fs::Permissions::from_mode(0o600)).unwrap();
    chown(&theirs, Some(OTHER_USER), Some(OTHER_USER)).unwrap();
    let script = "set -e; cat theirs; echo more >>theirs; chmod 640 theirs; touch ours; chown 65534:65534 ours; \
                  mkdir shared; chown 0:65534 shared; chmod 2770 shared; \
                  git init -q repository; cd repository; echo x >file; git add file; \
                  git -c user.name=a -c user.email=a@b commit -qm 'a commit'; git log --oneline; echo over";
    let session = offline.session("never", "danger-full-access").await;
    let answer = offline.ask(&session, &format!("::exec {script}")).await;
    assert!(answer.contains("read me") && answer.contains("a commit") && answer.contains("over"), "{answer}");
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "read me\nmore\n");
    let of = |name: &str| fs::metadata(offline.home.project().join(name)).unwrap();
    assert_eq!((of("theirs").uid(), of("theirs").mode() & 0o7777), (OTHER_USER, 0o640));
    assert_eq!((of("ours").uid(), of("shared").mode() & 0o7777), (OTHER_USER, 0o2770));
    // Codex's own sandboxes nest: one lets the project be written, the other nothing.
    for (mode, written) in [("workspace-write", true), ("read-only", false)] {
        let session = offline.session("never", mode).await;
        let answer =
            offline.ask(&session, &format!("::exec echo x >{mode}; git -C repository status; echo over")).await;
        assert!(answer.contains("nothing to commit") && answer.contains("over"), "{mode}: {answer}");
        assert_eq!(offline.home.project().join(mode).exists(), written, "{mode}: {answer}");
    }
}

#[tokio::test]
async fn a_second_view_of_the_processes_is_hidden_from_roots_turn() {
    let codex = real_codex!();
    if !geteuid().is_root() {
        skip!("only root can mount a second /proc");
    }
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let second = home.path().join("second");
    let bwrap = bwrap_of(&codex).into_os_string();
    let words = [bwrap, "--dev-bind".into(), "/".into(), "/".into(), "--die-with-parent".into(), "--proc".into()];
    let launch = launch(&codex).inside(words.into_iter().chain([second.clone().into_os_string()]));
    let offline = Offline::start_by(home, launch.argument("--allow-uncontained"), |_| ()).await;
    assert_eq!(offline.not_contained().await, None);
    let session = offline.session("never", "danger-full-access").await;
    let answer = offline.ask(&session, &format!("::exec ls -A {} && echo over", second.display())).await;
    assert!(answer.contains("Output:\nover"), "{answer}");
}

/// What health says of a daemon's child, and what becomes of a session with it.
async fn judge_uncontained(daemon: &Daemon, home: &Home) {
    let api = daemon.api();
    let contained = api.codex().await["contained"].clone();
    assert_eq!(contained["state"], "not contained", "{contained}");
    let (reason, meaning) = (contained["reason"].as_str().unwrap(), contained["meaning"].as_str().unwrap());
    assert!(reason.contains("does not work here") && meaning.contains("token"), "{contained}");
    for mode in MODES {
        let refused = api.post("/api/sessions", json!({"cwd": home.project(), "filesystemSandbox": mode})).await;
        assert_eq!((refused.status, &refused.body["code"]), (403, &json!("not_contained")), "{}", refused.body);
    }
    let log = daemon.log();
    assert!(log.contains("without containment"), "{log}");
}

#[tokio::test]
async fn in_a_container_that_forbids_it_every_screen_says_not_contained_to_root_and_to_others() {
    let codex = real_codex!();
    let container = match container::words() {
        Ok(words) => words,
        Err(why) => skip!(why),
    };
    let users = if no_other_user(Path::new(DAEMON)).is_none() { vec![None, Some(OTHER_USER)] } else { vec![None] };
    for user in users {
        let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
        let codex = copy_codex(&codex, &home.path().join("codex"));
        let bwrap = bwrap_of(&codex);
        let inside = container(&bwrap, home.path());
        let launch = launch(Path::new(env!("CARGO_BIN_EXE_scripted-app-server"))).option("--bwrap", &bwrap);
        let launch = user.map_or(launch.clone(), |user| launch.user(user)).inside(inside.clone());
        user.into_iter().for_each(|user| give_away(home.path(), user));
        let daemon = launch.start(&home).await;
        daemon.api().until_codex_is("ready").await;
        judge_uncontained(&daemon, &home).await;

        let mut doctor = Command::new(&inside[0]);
        doctor.args(&inside[1..]).args([DAEMON, "doctor", "--data-dir"]).arg(home.data());
        doctor.arg("--codex-home").arg(home.codex_home()).arg("--codex-bin").arg(&codex).stdin(Stdio::null());
        if let Some(user) = user {
            doctor.uid(user).gid(user);
        }
        let said = soon("the doctor", doctor.output()).await.unwrap();
        let said = String::from_utf8_lossy(&said.stdout);
        assert!(said.contains("not contained: ") && said.contains("does not work here"), "{said}");
    }
}

#[tokio::test]
async fn the_command_line_comes_in_by_the_socket_of_the_data_folder_also_after_a_kill() {
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    let socket = home.data().join("socket");
    let launch = launch(Path::new(env!("CARGO_BIN_EXE_scripted-app-server"))).argument("--allow-uncontained");
    for _ in 0..2 {
        let daemon = launch.start(&home).await;
        let found = fs::symlink_metadata(&socket).unwrap();
        assert!(found.file_type().is_socket() && found.mode() & 0o777 == 0o600);
        // Nobody answers there, so what is answered came in by the socket.
        fs::write(home.data().join("address"), "127.0.0.1:9\n").unwrap();
        let mut command = Command::new(DAEMON);
        command.args(["tokens", "list", "--json", "--data-dir"]).arg(home.data()).stdin(Stdio::null());
        let said = soon("the list", command.env_remove("CODEX_MANAGER_API_BASE").output()).await.unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        daemon.kill().await;
        assert!(socket.exists());
    }
    let daemon = launch.start(&home).await;
    assert!(daemon.stop().await.success());
    assert!(!socket.exists());
}
