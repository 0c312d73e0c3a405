//! The process that compiles, as its host sees it.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use bytes::Bytes;
use codex_manager_model::limits::{EXTENSION_CODE_BYTES_MAX, EXTENSION_SENTENCE_CHARS_MAX};
use rustix::process::Signal;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::wire::{self, Answer, Request};
use super::{CompileFault, CompileLimits, Refusal, Uncompiled};
use crate::code::Part;

/// How much code is taken at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// How much of what it says on stderr is looked at.
const SAID_BYTES_MAX: u64 = 4096;
/// What the standard library says before it ends a process that has no more memory.
const OUT_OF_MEMORY: &str = "memory allocation of";

/// Has a component compiled, and its code written to `part`. When this is dropped, the process is killed.
pub(super) async fn compile(
    program: &Path,
    arguments: &[OsString],
    request: &Request,
    component: Bytes,
    part: &mut Part,
) -> Result<(), Uncompiled> {
    let mut child = start(program, arguments).map_err(CompileFault::NotStarted)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else { unreachable!("all are pipes") };
    let talk = async {
        let (answered, said) =
            tokio::join!(converse(&mut child, request, component, (stdin, stdout), part), said(stderr));
        let (answer, status) = answered?;
        answer.unwrap_or_else(|| Err(judge(status, &said, &request.limits)))
    };
    timeout(request.limits.wall, talk).await.unwrap_or(Err(CompileFault::Hung(request.limits.wall).into()))
}

/// Nothing of ours goes along: no environment, no folder, and no file but the three.
fn start(program: &Path, arguments: &[OsString]) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().current_dir("/").kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

type Outcome = Result<(), Uncompiled>;

/// Asks, takes the answer, and sees the process to its end. `None` is no answer.
async fn converse(
    child: &mut Child,
    request: &Request,
    component: Bytes,
    (mut stdin, mut stdout): (ChildStdin, ChildStdout),
    part: &mut Part,
) -> Result<(Option<Outcome>, ExitStatus), Uncompiled> {
    let answer = {
        let ask = async {
            // What it did not read is its end's to explain.
            let _ = tell(&mut stdin, request, component).await;
            std::future::pending().await
        };
        tokio::select! {
            answer = take(&mut stdout, part) => answer,
            never = ask => never,
        }
    };
    // It has closed its end or has nothing more to say.
    let _ = child.start_kill();
    let status = child.wait().await.map_err(CompileFault::Garbled)?;
    Ok((answer.transpose(), status))
}

async fn tell(stdin: &mut ChildStdin, request: &Request, component: Bytes) -> io::Result<()> {
    stdin.write_all(&wire::head(request)).await?;
    stdin.write_all(&component).await?;
    stdin.flush().await
}

/// Takes the answer, and the code that follows it.
async fn take(stdout: &mut ChildStdout, part: &mut Part) -> Result<Option<()>, Uncompiled> {
    match wire::hear(stdout).await.map_err(CompileFault::Garbled)? {
        None => Ok(None),
        Some(Answer::Code(bytes)) if bytes > EXTENSION_CODE_BYTES_MAX as u64 => Err(Refusal::TooMuchCode(bytes).into()),
        Some(Answer::Code(bytes)) => take_code(stdout, bytes, part).await.map(Some),
        Some(Answer::Refused(sentence)) => {
            Err(Refusal::Told(sentence.chars().take(EXTENSION_SENTENCE_CHARS_MAX).collect()).into())
        }
        Some(Answer::Unfit(sentence)) => Err(CompileFault::Unfit(sentence).into()),
    }
}

async fn take_code(stdout: &mut ChildStdout, bytes: u64, part: &mut Part) -> Result<(), Uncompiled> {
    let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
    let mut chunk = vec![0; CHUNK_BYTES];
    while left > 0 {
        let most = left.min(CHUNK_BYTES);
        let read = stdout.read(&mut chunk[..most]).await.map_err(CompileFault::Garbled)?;
        if read == 0 {
            return Err(CompileFault::Garbled(io::ErrorKind::UnexpectedEof.into()).into());
        }
        part.write(&chunk[..read]).await?;
        left -= read;
    }
    Ok(())
}

/// What the process says on stderr, the beginning of it.
async fn said(mut stderr: ChildStderr) -> String {
    let mut said = Vec::new();
    let _ = read_some(&mut stderr, &mut said).await;
    // The rest is read and forgotten, so that nothing waits for it.
    let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&said).trim().to_owned()
}

async fn read_some(from: &mut (impl AsyncRead + Unpin), to: &mut Vec<u8>) -> io::Result<usize> {
    from.take(SAID_BYTES_MAX).read_to_end(to).await
}

/// What the end of a process that gave no answer says: of the component if it is the end that its own limits make or a
/// fault of the compiler, and of the host if it came from outside.
fn judge(status: ExitStatus, said: &str, limits: &CompileLimits) -> Uncompiled {
    let signal = status.signal().and_then(Signal::from_named_raw);
    match signal {
        Some(Signal::XCPU) => Refusal::Cpu(limits.cpu_seconds).into(),
        Some(Signal::ABORT) if said.contains(OUT_OF_MEMORY) => Refusal::Memory(limits.memory_bytes).into(),
        Some(Signal::ABORT | Signal::SEGV | Signal::ILL | Signal::TRAP | Signal::FPE) => {
            Refusal::Broken(status.to_string()).into()
        }
        _ => CompileFault::Ended { status, said: said.to_owned() }.into(),
    }
}
