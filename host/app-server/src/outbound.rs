//! What goes to the child, and the one task that writes it.
//!
//! A line waits in a bounded queue together with a [`Claim`]. Whoever queued it may take it back as long as the writer
//! has not begun with it, so that "not written" is a fact and not a guess.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

/// A line that waits to be written.
#[derive(Debug)]
pub(crate) struct Outbound {
    line: Vec<u8>,
    claim: Claim,
    written: Option<oneshot::Sender<()>>,
}

/// Who has the right to a queued line: nobody yet, the writer, or the one who queued it and took it back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claim(Arc<AtomicU8>);

/// Why the writer ended.
#[derive(Debug)]
pub(crate) enum WriteEnd {
    /// Nobody can queue any more.
    Done,
    /// The child closed its input, or died.
    Closed(io::Error),
    /// The child took nothing for the whole of this time.
    Stalled(Duration),
}

const QUEUED: u8 = 0;
const BEGUN: u8 = 1;
const TAKEN_BACK: u8 = 2;

impl Outbound {
    /// A line for `message`. `written` hears when the last byte of it is in the pipe.
    pub(crate) fn new(message: &Value, claim: Claim, written: Option<oneshot::Sender<()>>) -> Self {
        let mut line = message.to_string().into_bytes();
        line.push(b'\n');
        Self { line, claim, written }
    }
}

impl Claim {
    /// Takes the line back. `true` means that not one byte of it was or will be written.
    pub(crate) fn take_back(&self) -> bool {
        self.0.compare_exchange(QUEUED, TAKEN_BACK, Ordering::AcqRel, Ordering::Acquire) != Err(BEGUN)
    }

    fn begin(&self) -> bool {
        self.0.compare_exchange(QUEUED, BEGUN, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// Writes what is queued, in order, until the queue or the pipe ends. Dropping the future closes the pipe; what was not
/// begun by then is never written.
pub(crate) async fn write(
    mut pipe: impl AsyncWrite + Unpin,
    mut queue: mpsc::Receiver<Outbound>,
    stall: Duration,
) -> WriteEnd {
    while let Some(Outbound { line, claim, written }) = queue.recv().await {
        if !claim.begin() {
            continue;
        }
        let mut rest = line.as_slice();
        while !rest.is_empty() {
            match tokio::time::timeout(stall, pipe.write(rest)).await {
                Ok(Ok(0)) => return WriteEnd::Closed(io::ErrorKind::WriteZero.into()),
                Ok(Ok(count)) => rest = &rest[count..],
                Ok(Err(error)) => return WriteEnd::Closed(error),
                Err(_) => return WriteEnd::Stalled(stall),
            }
        }
        if let Some(written) = written {
            // Who waited may have gone; the line is in the pipe all the same.
            let _ = written.send(());
        }
    }
    WriteEnd::Done
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn a_line_that_was_taken_back_is_never_written() {
        let (near, mut far) = tokio::io::duplex(1024);
        let (queue, lines) = mpsc::channel(4);
        let (first, second) = (Claim::default(), Claim::default());
        queue.send(Outbound::new(&json!({"id": 1}), first.clone(), None)).await.unwrap();
        queue.send(Outbound::new(&json!({"id": 2}), second.clone(), None)).await.unwrap();
        assert!(first.take_back() && first.take_back());
        drop(queue);
        assert!(matches!(write(near, lines, Duration::from_secs(1)).await, WriteEnd::Done));
        assert!(!second.take_back());
        let mut text = String::new();
        far.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "{\"id\":2}\n");
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_pipe_is_a_stall_and_what_waits_behind_is_not_written() {
        let (near, _far) = tokio::io::duplex(4);
        let (queue, lines) = mpsc::channel(4);
        let (begun, waiting) = (Claim::default(), Claim::default());
        let (written, heard) = oneshot::channel();
        queue.send(Outbound::new(&json!({"id": 1}), begun.clone(), Some(written))).await.unwrap();
        queue.send(Outbound::new(&json!({"id": 2}), waiting.clone(), None)).await.unwrap();
        let stall = Duration::from_secs(30);
        assert!(matches!(write(near, lines, stall).await, WriteEnd::Stalled(time) if time == stall));
        assert!(heard.await.is_err());
        assert!(!begun.take_back());
        assert!(waiting.take_back());
    }
}
