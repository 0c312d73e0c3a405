//! One client's connection, with an eye on whether it still takes what is written.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use codex_manager_model::limits::CLIENT_STALL_MAX;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::room::Place;
use super::unread;

/// How many bytes a client has taken. Found in the extensions of each of its requests.
#[derive(Debug, Clone, Default)]
pub(in crate::http) struct Progress(Arc<AtomicU64>);

impl Progress {
    /// The bytes so far. Only its growth says anything.
    pub(in crate::http) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How long a write may make no progress. Longer than [`CLIENT_STALL_MAX`], so that whoever writes can notice the stall
/// first, and say goodbye.
const WRITE_STALL_MAX: Duration = CLIENT_STALL_MAX.saturating_mul(2);

/// A socket whose writes fail when the client takes nothing for too long.
pub(super) struct Connection<S> {
    stream: S,
    progress: Progress,
    stalled: Option<Pin<Box<Sleep>>>,
    /// What is written in the place of a bare refusal, and how much of it has been.
    instead: Option<(Vec<u8>, usize)>,
    _place: Place,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(stream: S, place: Place) -> Self {
        Self { stream, progress: Progress::default(), stalled: None, instead: None, _place: place }
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Counts what was written; bounds the time in which nothing was.
    fn watch(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(result) = written {
            self.stalled = None;
            if let Ok(bytes) = result {
                self.progress.0.fetch_add(bytes as u64, Ordering::Relaxed);
            }
            return Poll::Ready(result);
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(WRITE_STALL_MAX)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing")))
    }

    /// Takes a bare refusal as written, and keeps what is to be written for it.
    fn replaces(&mut self, bytes: &[u8]) -> bool {
        self.instead = unread::instead_of(bytes).map(|instead| (instead, 0));
        self.instead.is_some()
    }

    /// Writes what stands in the place of a bare refusal.
    fn poll_instead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some((bytes, from)) = self.instead.take() {
            let written = Pin::new(&mut self.stream).poll_write(context, &bytes[from..]);
            let written = self.watch(context, written);
            match written {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(more)) if from + more < bytes.len() => self.instead = Some((bytes, from + more)),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.instead = Some((bytes, from));
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_instead(context))?;
        if self.replaces(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_instead(context))?;
        if let [bytes] = slices
            && self.replaces(bytes)
        {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
