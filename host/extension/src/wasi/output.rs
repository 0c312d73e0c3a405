//! Standard output and error of a guest: they go to its log.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::log_lines::{Level, LogLines};

/// How much a guest may write at once.
const WRITE_BYTES_MAX: usize = 8 * 1024;

/// A stream of text. What is not a whole line yet waits for its end, but not for longer than a line may be.
#[derive(Clone)]
pub(super) struct Output {
    log: LogLines,
    level: Level,
    begun: Arc<Mutex<Vec<u8>>>,
}

impl Output {
    pub(super) fn new(log: LogLines, level: Level) -> Self {
        Self { log, level, begun: Arc::default() }
    }

    fn take_lines(&self, bytes: &[u8]) -> StreamResult<()> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.extend_from_slice(bytes);
        let end = match begun.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => last + 1,
            None if begun.len() >= WRITE_BYTES_MAX => begun.len(),
            None => return Ok(()),
        };
        let rest = begun.split_off(end);
        let whole = mem::replace(&mut *begun, rest);
        self.write(&whole)
    }

    fn write(&self, text: &[u8]) -> StreamResult<()> {
        let text = String::from_utf8_lossy(text);
        self.log.write(self.level, &text).map_err(|exceeded| StreamError::Trap(exceeded.into()))
    }
}

impl Drop for Output {
    /// What was begun and never ended is a line too. An overfull log is no news any more.
    fn drop(&mut self) {
        let begun = mem::take(&mut *self.begun.lock().unwrap_or_else(PoisonError::into_inner));
        let _ = self.log.write(self.level, &String::from_utf8_lossy(&begun));
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take_lines(&bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    /// Only for other generations of WASI, which are not linked.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }
}
