//! How an invocation fails, told in a sentence that names the extension.

use std::fmt;
use std::io;

use codex_manager_model::limits;
use serde::{Deserialize, Serialize};
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::exceeded::Exceeded;
use crate::limits::amount;
use crate::visible::visible;
use crate::{ExtensionId, Limits};

/// A failed invocation. Nothing that it wanted is applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{sentence}")]
pub struct Failure {
    /// In which way it failed.
    pub kind: FailureKind,
    /// What happened, for a person: who, on which event, and why.
    pub sentence: String,
    /// Where in the guest it happened, innermost first, as far as the component has names for it.
    pub frames: Vec<String>,
}

/// In which way an invocation failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// The handler said so itself, with a code of its own.
    Fault(String),
    /// It trapped, or it exited.
    Trap,
    /// It computed for too long.
    Cpu,
    /// It took too long.
    Wall,
    /// It asked for more memory than it may have, and failed over it.
    Memory,
    /// It exceeded another limit, or broke another rule of the boundary: text that is none, a handle that it has not.
    Limit,
    /// The host had no place for it, or failed itself.
    Host,
}

impl FailureKind {
    /// Whether it speaks against the extension. A fault does not: the extension is in order and says no. Neither does
    /// what the host did.
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Self::Fault(_) | Self::Host)
    }
}

/// What is needed to tell it.
pub(crate) struct Teller<'a> {
    pub(crate) extension: &'a ExtensionId,
    pub(crate) limits: &'a Limits,
    /// What it was called for: `event 4711 (door.knocked)`.
    pub(crate) subject: String,
    /// The last thing that it wrote to its log as a warning or error.
    pub(crate) last_words: Option<String>,
    pub(crate) memory_refused: bool,
}

impl Teller<'_> {
    /// The handler returned a fault.
    pub(crate) fn fault(&self, code: String, message: &str) -> Failure {
        let code = clipped(&code);
        let what = format!("refused with {code:?}: {}", clipped(message));
        self.failure(FailureKind::Fault(code), what)
    }

    /// It took too long.
    pub(crate) fn wall(&self) -> Failure {
        self.failure(FailureKind::Wall, format!("took longer than {:?}", self.limits.wall))
    }

    /// The host's own code panicked beneath it.
    pub(crate) fn panicked(&self) -> Failure {
        self.failure(FailureKind::Host, "could not go on, because a capability of the host panicked")
    }

    /// What it returned is too much.
    pub(crate) fn exceeded(&self, exceeded: Exceeded) -> Failure {
        let kind = if exceeded == Exceeded::Cpu { FailureKind::Cpu } else { FailureKind::Limit };
        self.failure(kind, format!("was ended, because {exceeded}"))
    }

    /// The engine carried an error out of it.
    pub(crate) fn error(&self, error: &wasmtime::Error) -> Failure {
        let frames = error.downcast_ref::<WasmBacktrace>().map(frames_of).unwrap_or_default();
        Failure { frames, ..self.cause(error) }
    }

    fn cause(&self, error: &wasmtime::Error) -> Failure {
        if let Some(Exceeded::Cpu) = error.downcast_ref() {
            return self
                .failure(FailureKind::Cpu, format!("computed for longer than {:?} ([limits] cpu)", self.limits.cpu));
        }
        if let Some(exceeded) = error.downcast_ref::<Exceeded>() {
            return self.exceeded(*exceeded);
        }
        let is_host =
            error.is::<PoolConcurrencyLimitError>() || error.is::<wasmtime::OutOfMemory>() || error.is::<io::Error>();
        if is_host {
            return self.failure(FailureKind::Host, format!("could not start, because {}", error.root_cause()));
        }
        if self.memory_refused {
            let most = amount(self.limits.memory_bytes);
            let what = format!("failed, because it may not have more than {most} of memory ([limits] memory)");
            return self.failure(FailureKind::Memory, what);
        }
        if let Some(I32Exit(status)) = error.downcast_ref() {
            return self.failure(FailureKind::Trap, format!("exited with {status} instead of returning"));
        }
        match error.downcast_ref::<Trap>() {
            Some(trap) => self
                .failure(FailureKind::Trap, format!("trapped: {}", trap.to_string().trim_start_matches("wasm trap: "))),
            None => {
                self.failure(FailureKind::Limit, format!("was ended: {}", clipped(&error.root_cause().to_string())))
            }
        }
    }

    fn failure(&self, kind: FailureKind, what: impl fmt::Display) -> Failure {
        let (extension, subject) = (self.extension, &self.subject);
        let words = self.last_words.as_ref().map(|words| format!("; its last words were \"{}\"", clipped(words)));
        let words = words.unwrap_or_default();
        Failure { kind, sentence: format!("{extension} {what}, on {subject}{words}"), frames: Vec::new() }
    }
}

fn frames_of(backtrace: &WasmBacktrace) -> Vec<String> {
    backtrace.frames().iter().filter_map(|frame| frame.func_name().map(clipped)).collect()
}

/// Words of a guest, fit for a sentence: not too long, and nothing in them that cannot be seen.
fn clipped(words: &str) -> String {
    let begin: String = words.chars().take(limits::EXTENSION_WORDS_CHARS_MAX).collect();
    visible(&begin)
}
