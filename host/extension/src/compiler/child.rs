//! The process that compiles, as it sees itself.

use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::thread;

use codex_manager_model::limits::EXTENSION_COMPONENT_BYTES_MAX;
use rustix::process::{Resource, Rlimit, Signal, getpid, getrlimit, kill_process, setrlimit};

use super::wire::{self, Answer, Request};
use super::{CompileLimits, Refusal};
use crate::engine::settings;

/// The score of who goes first when the machine's memory ends.
const FIRST_TO_GO: &str = "1000";
/// How much later than the signal that ends it over its processor time the one comes that nobody can ignore.
const CPU_GRACE_SECONDS: u64 = 5;
/// The stack of the thread that waits for the host to go.
const WATCH_STACK_BYTES: usize = 256 * 1024;

/// What a program does when it was started to compile, as [`Compiler::Process`](super::Compiler::Process) says: it limits
/// itself, reads a component from stdin, writes its code to stdout, and ends. Call it before anything else is done, and
/// end with what it gives.
pub fn compiler_main() -> ExitCode {
    if io::stdin().is_terminal() {
        eprintln!("this compiles extensions for a host that starts it by itself; there is nothing to do here by hand");
        return ExitCode::from(2);
    }
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("this compiles extensions for a host that starts it by itself, and no host asked: {error}");
            ExitCode::from(2)
        }
    }
}

fn serve() -> io::Result<()> {
    let (mut asked, mut answered) = (file_of(io::stdin())?, file_of(io::stdout())?);
    let request: Request = wire::read(&mut asked)?;
    let (answer, code) = match work(&request, asked) {
        Ok(code) => (Answer::Code(code.len() as u64), code),
        Err(answer) => (answer, Vec::new()),
    };
    wire::write(&mut answered, &answer)?;
    answered.write_all(&code)
}

/// Without the buffer that the standard library has for it.
fn file_of(stream: impl AsFd) -> io::Result<File> {
    stream.as_fd().try_clone_to_owned().map(|fd: OwnedFd| File::from(fd))
}

fn work(request: &Request, mut asked: File) -> Result<Vec<u8>, Answer> {
    confine(&request.limits).map_err(|error| Answer::Unfit(format!("it cannot limit itself: {error}")))?;
    let engine = settings::compiling(request.pooled).map_err(|error| Answer::Unfit(format!("{error:#}")))?;
    let compiles_for = settings::identity(&engine);
    if compiles_for != request.engine {
        return Err(Answer::Unfit(format!(
            "it is of another build than the host: it compiles for the engine {compiles_for}, and not for {}",
            request.engine
        )));
    }
    let component = component(request, &mut asked).map_err(|error| Answer::Unfit(error.to_string()))?;
    watch(asked).map_err(|error| Answer::Unfit(format!("it has no thread to wait for the host: {error}")))?;
    super::compile(&engine, &component).map_err(|refusal| match refusal {
        Refusal::OutOfMemory => Answer::Refused(Refusal::Memory(request.limits.memory_bytes).to_string()),
        refusal => Answer::Refused(refusal.to_string()),
    })
}

fn component(request: &Request, asked: &mut File) -> io::Result<Vec<u8>> {
    if request.component_bytes > EXTENSION_COMPONENT_BYTES_MAX as u64 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is too large"));
    }
    let mut component = vec![0; request.component_bytes as usize];
    asked.read_exact(&mut component)?;
    Ok(component)
}

/// Limits this process, for good.
fn confine(limits: &CompileLimits) -> io::Result<()> {
    fs::write("/proc/self/oom_score_adj", FIRST_TO_GO)?;
    if is_ignored(Signal::XCPU)? {
        // The signal after it is one that says nothing of why.
        return Err(io::Error::other(
            "the signal of who computes for too long is ignored; start the host without that",
        ));
    }
    lower(Resource::Core, 0, 0)?;
    // No file: pipes are none.
    lower(Resource::Fsize, 0, 0)?;
    lower(Resource::Cpu, limits.cpu_seconds, limits.cpu_seconds + CPU_GRACE_SECONDS)?;
    lower(Resource::As, limits.memory_bytes, limits.memory_bytes)
}

/// Sets a limit, unless a lower one is set already.
fn lower(resource: Resource, current: u64, maximum: u64) -> io::Result<()> {
    let most = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let limit = Rlimit { current: Some(current.min(most)), maximum: Some(maximum.min(most)) };
    Ok(setrlimit(resource, limit)?)
}

fn is_ignored(signal: Signal) -> io::Result<bool> {
    let status = fs::read_to_string("/proc/self/status")?;
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|signals| u64::from_str_radix(signals.trim(), 16).ok()).unwrap_or_default();
    Ok(ignored >> (signal.as_raw() - 1) & 1 == 1)
}

/// Ends this process when the host closes its end, as it does when it dies.
fn watch(mut asked: File) -> io::Result<()> {
    let watch = move || {
        // There is nothing more to read, so this ends when the other end is closed.
        let _ = asked.read(&mut [0]);
        let _ = kill_process(getpid(), Signal::KILL);
    };
    thread::Builder::new().name("host-watch".to_owned()).stack_size(WATCH_STACK_BYTES).spawn(watch).map(drop)
}
