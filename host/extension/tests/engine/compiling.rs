//! What nobody has run yet is compiled by a process that limits itself, and what came of it is kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use codex_manager_extension::{
    CodeConfig, CodeLedger, CodeVerdict, CompileFault, CompileLimits, CompiledCode, Compiler, Component,
    ComponentError, Config, Digest, EngineId, FileLedger, LedgerError, MemoryLedger, Progress, wasmtime,
};
use tempfile::TempDir;

use crate::bomb::{Bomb, small};

/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);
const MIB: u64 = 1024 * 1024;
/// What nothing here needs.
const AMPLE: CompileLimits =
    CompileLimits { memory_bytes: 4096 * MIB, cpu_seconds: 600, wall: Duration::from_secs(600) };

/// A host that may be started again.
struct Host {
    folder: TempDir,
    ledger: Arc<MemoryLedger>,
    compiler: Compiler,
    limits: CompileLimits,
}

impl Host {
    /// Whose compiler is a process of this crate's own program, under a name that tells it from those of other tests.
    fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let program = folder.path().join("compile");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_codex-manager-compile"), &program).expect("a link");
        let compiler = Compiler::Process { program, arguments: Vec::new() };
        Self { folder, ledger: Arc::default(), compiler, limits: AMPLE }
    }

    /// Whose compiler is a few words of shell.
    fn scripted(script: &str) -> Self {
        Self { compiler: shell(script), ..Self::new() }
    }

    async fn start(&self) -> CompiledCode {
        self.start_on(Config { invocations_max: 1 }).await
    }

    async fn start_on(&self, engine: Config) -> CompiledCode {
        let config = CodeConfig::new(self.code(), self.ledger.clone(), self.compiler.clone());
        let config = CodeConfig { small: self.limits, large: self.limits, ..config };
        CompiledCode::open(engine.build().expect("an engine"), config).await.expect("it is ours")
    }

    fn code(&self) -> PathBuf {
        self.folder.path().join("code")
    }

    /// What lies in the folder of code.
    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.code()).expect("the folder");
        entries.map(|entry| entry.expect("a name").path()).collect()
    }

    /// Its compilers, as the system tells of them.
    fn compilers(&self) -> Vec<PathBuf> {
        let program = self.folder.path().join("compile");
        let of_ours = |process: &PathBuf| {
            let line = fs::read(process.join("cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).next() == Some(program.as_os_str().as_encoded_bytes())
        };
        let processes = fs::read_dir("/proc").expect("processes").flatten().map(|entry| entry.path());
        processes.filter(of_ours).collect()
    }
}

fn shell(script: &str) -> Compiler {
    Compiler::Process { program: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()] }
}

/// A component that takes minutes and gigabytes.
fn bomb() -> Vec<u8> {
    let bomb = Bomb { functions: 4, locals: 2000, statements: 40_000 }.component();
    assert!(bomb.len() > 1024 * 1024, "it is in the lane of large ones");
    bomb
}

fn refused(error: ComponentError) -> String {
    match error {
        ComponentError::Refused { sentence } => sentence,
        other => panic!("{other:?}"),
    }
}

fn faulted(error: ComponentError) -> CompileFault {
    match error {
        ComponentError::Host(fault) => fault,
        other => panic!("{other:?}"),
    }
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_is_compiled_once_is_loaded_from_then_on() {
    let host = Host::new();
    let (bytes, digest) = (small("one"), Digest::of(&small("one")));
    let code = host.start().await;
    assert!(matches!(code.load(&digest), Ok(None)));
    assert_eq!(code.prepare(bytes.clone().into()).await.expect("it compiles").digest(), digest);
    assert!(matches!(code.load(&digest), Ok(Some(_))));
    assert_eq!(code.progress(&digest), None);

    let host = Host { compiler: shell("exit 1"), ..host };
    let code = host.start().await;
    assert!(matches!(code.load(&digest), Ok(Some(_))), "and after a start");
    code.prepare(bytes.into()).await.expect("nobody compiles");
}

#[tokio::test]
async fn code_fits_engines_with_a_pool_and_without_one_and_never_the_other() {
    let host = Host::new();
    let (pooled, spare) = (Config { invocations_max: 1 }, Config { invocations_max: 1_000_000 });
    let digest = Digest::of(&small("one"));
    for engine in [pooled, spare] {
        let code = host.start_on(engine).await;
        assert!(matches!(code.load(&digest), Ok(None)), "it is another engine's");
        assert_eq!(host.files(), Vec::<PathBuf>::new(), "which is swept away");
        code.prepare(small("one").into()).await.expect("it compiles");
    }
}

#[tokio::test]
async fn the_engine_that_runs_cannot_compile() {
    let code = Host::new().start().await;
    let engine = code.engine().wasmtime();
    assert!(wasmtime::component::Component::new(engine, small("one")).is_err());
    assert!(wasmtime::Module::new(engine, b"\0asm\x01\0\0\0").is_err());
}

#[tokio::test]
async fn a_bomb_ends_with_a_verdict_and_holds_up_no_guard() {
    let host = Host { limits: CompileLimits { cpu_seconds: 3, ..AMPLE }, ..Host::new() };
    let (code, digest) = (host.start().await, Digest::of(&bomb()));
    let bombing = tokio::spawn({
        let code = code.clone();
        async move { code.prepare(bomb().into()).await.map(drop) }
    });
    until("it is compiled", || code.progress(&digest) == Some(Progress::Compiling)).await;
    code.prepare(small("guard").into()).await.expect("it has a lane of its own");
    assert_eq!(code.progress(&digest), Some(Progress::Compiling), "nobody waited for that");
    let sentence = refused(bombing.await.expect("no panic").expect_err("nobody compiles that"));
    assert_eq!(sentence, "it takes more than 3 s of processor time to compile");
    assert_eq!(code.verdict(&digest), Some(CodeVerdict::Refused { sentence: sentence.clone() }));
    assert_eq!(host.files().len(), 1, "the guard's");

    let host = Host { compiler: shell("exit 1"), ..host };
    let code = host.start().await;
    let again = code.prepare(bomb().into()).await.map(drop).expect_err("it was refused");
    assert_eq!(refused(again), sentence, "nobody tried");
    assert_eq!(refused(code.load(&digest).map(drop).expect_err("it was refused")), sentence);

    code.try_again(digest).await.expect("it is recorded");
    let tried = code.prepare(bomb().into()).await.map(drop).expect_err("its compiler is none");
    assert!(matches!(faulted(tried), CompileFault::Ended { .. }), "a person has it tried again");
}

#[tokio::test]
async fn a_compiler_has_no_more_memory_than_it_may() {
    let host = Host { limits: CompileLimits { memory_bytes: 256 * MIB, ..AMPLE }, ..Host::new() };
    let code = host.start().await;
    let sentence = refused(code.prepare(bomb().into()).await.map(drop).expect_err("it takes more"));
    assert_eq!(sentence, "it takes more than 256 MiB of memory to compile");
    code.prepare(small("one").into()).await.expect("that is enough for others");
}

#[tokio::test]
async fn a_compiler_is_confined_and_alone() {
    let host =
        Host { limits: CompileLimits { cpu_seconds: 3599, memory_bytes: 3 * 1024 * MIB, ..AMPLE }, ..Host::new() };
    let code = host.start().await;
    let digest = Digest::of(&bomb());
    let _open = fs::File::create(host.folder.path().join("a secret")).expect("a file");
    let preparing = tokio::spawn({
        let code = code.clone();
        async move { code.prepare(bomb().into()).await.map(drop) }
    });
    let threads = |process: &Path| fs::read_dir(process.join("task")).map_or(0, Iterator::count);
    until("it has all its limits", || host.compilers().iter().any(|process| threads(process) > 1)).await;
    let process = host.compilers().pop().expect("it runs");
    let read = |file: &str| fs::read_to_string(process.join(file)).expect("it runs");
    let limits = read("limits");
    for (name, soft, hard) in [
        ("Max address space", "3221225472", "3221225472"),
        ("Max cpu time", "3599", "3604"),
        ("Max core file size", "0", "0"),
        ("Max file size", "0", "0"),
    ] {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).expect("a limit");
        assert_eq!(line.split_whitespace().take(2).collect::<Vec<_>>(), [soft, hard], "{name}");
    }
    assert_eq!(read("oom_score_adj").trim(), "1000");
    assert_eq!(read("environ"), "");
    assert_eq!(fs::read_link(process.join("cwd")).expect("it runs"), Path::new("/"));
    // Its pipes, and what this process was itself started with; nothing of what is open here.
    for file in fs::read_dir(process.join("fd")).expect("it runs") {
        let file = fs::read_link(file.expect("a name").path()).expect("it runs");
        assert!(file.starts_with("/dev") || file.to_string_lossy().starts_with("pipe:"), "{}", file.display());
    }

    code.stop(&digest);
    let stopped = preparing.await.expect("no panic").expect_err("it was stopped");
    assert!(matches!(faulted(stopped), CompileFault::Stopped));
    until("it is killed", || host.compilers().is_empty()).await;
    assert_eq!(code.verdict(&digest), None, "that says nothing of it");
}

#[tokio::test]
async fn whoever_no_longer_waits_stops_the_compiler_and_gives_the_lane_to_the_next() {
    let host = Host::new();
    let code = host.start().await;
    let (bombing, next) = (bomb(), [bomb(), vec![0, 1, 0]].concat());
    let digests = [Digest::of(&bombing), Digest::of(&next)];
    let prepare = |bytes: Vec<u8>| {
        let code = code.clone();
        tokio::spawn(async move { code.prepare(bytes.into()).await.map(drop) })
    };
    let first = prepare(bombing);
    until("it compiles", || code.progress(&digests[0]) == Some(Progress::Compiling)).await;
    let second = prepare(next);
    until("it waits", || code.progress(&digests[1]) == Some(Progress::Queued)).await;
    first.abort();
    until("its turn comes", || code.progress(&digests[1]) == Some(Progress::Compiling)).await;
    assert_eq!(code.progress(&digests[0]), None);
    second.abort();
    until("both are killed", || host.compilers().is_empty()).await;
}

#[tokio::test]
async fn an_end_that_the_component_makes_is_a_verdict() {
    for (script, sentence) in [
        ("kill -XCPU $$", "it takes more than 600 s of processor time to compile"),
        (
            "echo 'memory allocation of 17 bytes failed' >&2; kill -ABRT $$",
            "it takes more than 4096 MiB of memory to compile",
        ),
        ("kill -ABRT $$", "the compiler breaks off over it: signal: 6 (SIGABRT)"),
        ("kill -SEGV $$", "the compiler breaks off over it: signal: 11 (SIGSEGV)"),
    ] {
        let host = Host::scripted(&format!("ulimit -c 0; {script}"));
        let code = host.start().await;
        let error = code.prepare(small("one").into()).await.map(drop).expect_err(script);
        assert_eq!(refused(error), sentence);
        assert!(matches!(code.verdict(&Digest::of(&small("one"))), Some(CodeVerdict::Refused { .. })), "{script}");
    }
}

#[tokio::test]
async fn an_end_that_comes_from_outside_is_the_hosts_and_is_tried_again() {
    for (script, told) in [
        ("kill -KILL $$", "its compiler was ended from outside (signal: 9 (SIGKILL))"),
        ("kill -TERM $$", "its compiler was ended from outside (signal: 15 (SIGTERM))"),
        ("exit 0", "its compiler was ended from outside (exit status: 0)"),
        (
            "echo no such command >&2; exit 2",
            "(exit status: 2); the machine may have too little memory. no such command",
        ),
        ("echo this is no answer", "its compiler cannot be understood"),
        ("printf '\\014\\0\\0\\0{\"code\":9999}'; printf code", "its compiler cannot be understood"),
    ] {
        let host = Host::scripted(script);
        let code = host.start().await;
        let fault = faulted(code.prepare(small("one").into()).await.map(drop).expect_err(script)).to_string();
        assert!(fault.contains(told), "{script}: {fault}");
        assert_eq!(code.verdict(&Digest::of(&small("one"))), None, "{script}");
        assert_eq!(host.files(), Vec::<PathBuf>::new(), "{script}");
        let host = Host { compiler: Host::new().compiler, ..host };
        // The link is gone with its folder; the program is not.
        let Compiler::Process { arguments, .. } = host.compiler.clone() else { unreachable!("it is a process") };
        let program = env!("CARGO_BIN_EXE_codex-manager-compile").into();
        let host = Host { compiler: Compiler::Process { program, arguments }, ..host };
        host.start().await.prepare(small("one").into()).await.expect("it was worth another try");
    }
}

#[tokio::test]
async fn one_that_hangs_and_one_that_is_missing_are_the_hosts() {
    let wall = Duration::from_millis(200);
    let host = Host { limits: CompileLimits { wall, ..AMPLE }, ..Host::scripted("exec sleep 1000") };
    let hung = host.start().await.prepare(small("one").into()).await.map(drop).expect_err("it hangs");
    assert!(matches!(faulted(hung), CompileFault::Hung(after) if after == wall));

    let compiler = Compiler::Process { program: "/no/such/program".into(), arguments: Vec::new() };
    let host = Host { compiler, ..Host::new() };
    let missing = host.start().await.prepare(small("one").into()).await.map(drop).expect_err("it is missing");
    assert!(matches!(faulted(missing), CompileFault::NotStarted(_)));

    let host = Host::new();
    let code = host.start().await;
    fs::remove_dir_all(host.code()).expect("it is ours");
    let lost = code.prepare(small("one").into()).await.map(drop).expect_err("there is no folder");
    assert!(matches!(faulted(lost), CompileFault::Folder { .. }));
    assert_eq!(code.verdict(&Digest::of(&small("one"))), None);
}

#[tokio::test]
async fn only_what_was_recorded_is_loaded() {
    let host = Host::new();
    let (digest, other) = (Digest::of(&small("one")), Digest::of(&small("other")));
    let code = host.start().await;
    code.prepare(small("one").into()).await.expect("it compiles");
    let file = host.files().pop().expect("its code");
    let whole = fs::read(&file).expect("its code");
    code.prepare(Bomb { functions: 1, locals: 1, statements: 1 }.component().into()).await.expect("it compiles");
    let foreign = host.files().into_iter().find(|path| *path != file).expect("its code");
    let foreign = fs::read(foreign).expect("its code");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for wrong in [flipped, whole[..whole.len() / 2].to_vec(), Vec::new(), foreign] {
        fs::write(&file, wrong).expect("it can be damaged");
        assert!(matches!(code.load(&digest), Ok(None)));
        assert!(!file.exists(), "it is removed");
        code.prepare(small("one").into()).await.expect("it is compiled again");
        assert_eq!(fs::read(&file).expect("its code"), whole);
    }
    fs::remove_file(&file).expect("it is ours");
    assert!(matches!(code.load(&digest), Ok(None)));
    std::os::unix::fs::symlink("nowhere", &file).expect("a link");
    assert!(matches!(code.load(&digest), Ok(None)));
    assert!(matches!(code.load(&other), Ok(None)), "nobody has recorded it");
    code.prepare(small("one").into()).await.expect("it is compiled again");
}

#[tokio::test]
async fn what_the_ledger_does_not_name_is_swept_away() {
    let host = Host::new();
    let code = host.start().await;
    code.prepare(small("one").into()).await.expect("it compiles");
    let file = host.files().pop().expect("its code");
    fs::write(host.code().join(Digest::of(b"unknown").hex()), "code").expect("a file");
    fs::write(host.code().join("7.part"), "half of it").expect("a file");
    fs::create_dir_all(host.code().join("modules/old")).expect("a folder");
    std::os::unix::fs::symlink("/", host.code().join("link")).expect("a link");
    host.start().await;
    assert_eq!(host.files(), [file]);

    code.forget(Digest::of(&small("one"))).await.expect("it is recorded");
    assert_eq!(host.files(), Vec::<PathBuf>::new());
    assert!(matches!(code.load(&Digest::of(&small("one"))), Ok(None)));
}

#[tokio::test]
async fn what_does_not_compile_or_cannot_run_here_is_refused_once() {
    let instances = "(core instance (instantiate $m))".repeat(129);
    let large = wat::parse_str(format!("(component (core module $m) {instances})")).expect("it parses");
    let cut = small("one")[..20].to_vec();
    let host = Host::new();
    let code = host.start().await;
    for (bytes, told) in [(cut, "it does not compile: "), (large, "it cannot run here: ")] {
        let sentence = refused(code.prepare(bytes.clone().into()).await.map(drop).expect_err("it is refused"));
        assert!(sentence.starts_with(told), "{sentence}");
        assert_eq!(code.verdict(&Digest::of(&bytes)), Some(CodeVerdict::Refused { sentence }));
        assert_eq!(host.files(), Vec::<PathBuf>::new());
        assert!(matches!(Component::compile(code.engine(), &bytes), Err(ComponentError::Refused { .. })));
    }
}

#[tokio::test]
async fn a_ledger_in_a_file_lasts_and_what_cannot_be_read_in_it_is_nothing() {
    let host = Host::new();
    let path = host.folder.path().join("ledger.json");
    let (digest, cut) = (Digest::of(&small("one")), small("one")[..20].to_vec());
    let open = async || {
        let config = CodeConfig::new(host.code(), Arc::new(FileLedger::new(path.clone())), host.compiler.clone());
        CompiledCode::open(Config { invocations_max: 1 }.build().expect("an engine"), config).await.expect("it is ours")
    };
    let code = open().await;
    code.prepare(small("one").into()).await.expect("it compiles");
    let sentence = refused(code.prepare(cut.clone().into()).await.map(drop).expect_err("it is cut off"));
    let code = open().await;
    assert!(matches!(code.load(&digest), Ok(Some(_))));
    assert_eq!(code.verdict(&Digest::of(&cut)), Some(CodeVerdict::Refused { sentence }));
    fs::write(&path, "{").expect("it can be damaged");
    assert!(matches!(open().await.load(&digest), Ok(None)));
}

#[tokio::test]
async fn an_embedder_may_compile_in_its_own_process() {
    let host = Host { compiler: Compiler::InProcess, ..Host::new() };
    let code = host.start().await;
    code.prepare(small("one").into()).await.expect("it compiles");
    assert!(matches!(host.start().await.load(&Digest::of(&small("one"))), Ok(Some(_))));
}

#[test]
fn by_hand_there_is_nothing_to_do() {
    let program = env!("CARGO_BIN_EXE_codex-manager-compile");
    let output = std::process::Command::new(program).stdin(std::process::Stdio::null()).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("for a host that starts it by itself"), "{said}");
    assert_eq!(output.stdout, b"");
}

/// A ledger on a disk that takes nothing.
struct FullLedger;

#[async_trait]
impl CodeLedger for FullLedger {
    async fn open(&self, _: EngineId, _: u32) -> Result<Vec<(Digest, CodeVerdict)>, LedgerError> {
        Ok(Vec::new())
    }

    async fn record(&self, _: EngineId, _: Digest, _: CodeVerdict) -> Result<(), LedgerError> {
        Err("the disk is full".into())
    }

    async fn forget(&self, _: EngineId, _: Digest) -> Result<(), LedgerError> {
        Ok(())
    }
}

#[tokio::test]
async fn what_cannot_be_recorded_holds_for_this_run_and_is_not_compiled_again() {
    let host = Host::new();
    let engine = Config { invocations_max: 1 }.build().expect("an engine");
    let config = CodeConfig::new(host.code(), Arc::new(FullLedger), host.compiler.clone());
    let code = CompiledCode::open(engine, config).await.expect("it is ours");
    let begun = AtomicUsize::new(0);
    for _ in 0..2 {
        let count = || {
            begun.fetch_add(1, Ordering::SeqCst);
        };
        code.prepare_with(small("one").into(), count).await.expect("it is compiled");
    }
    assert_eq!(begun.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_link_in_the_place_of_the_folder_is_not_followed() {
    let host = Host::new();
    let elsewhere = host.folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a folder");
    fs::write(elsewhere.join("letter"), "mine").expect("it is ours");
    std::os::unix::fs::symlink(&elsewhere, host.code()).expect("a link");
    host.start().await;
    assert!(elsewhere.join("letter").exists());
    assert!(fs::symlink_metadata(host.code()).expect("the folder").is_dir());
}
