//! The stream as a websocket.
//!
//! One task a client, one write under way at a time and nothing queued behind it. What a client sends is read only once
//! everything that it made us write before is out, the answers to its pings too: one that does not read is not read
//! either, and its frames stay in its own socket. A client is let go only when a write makes no progress, when retention
//! has passed it, when its token ends, or when the daemon does; it is told which, and from where to go on.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use codex_manager_model::Seq;
use codex_manager_model::limits::{
    CLIENT_FRAME_BYTES_MAX, CLIENT_STALL_MAX, CLOSE_GRACE, LOG_PAGE_BYTES_MAX, STREAM_BEAT_INTERVAL,
};
use futures_util::SinkExt;
use tokio::time::{Instant, Interval, interval_at, timeout};
use tokio_tungstenite::tungstenite::Error as SocketError;
use tokio_tungstenite::tungstenite::error::ProtocolError;

use super::Client;
use super::command::Command;
use crate::http::serve::Progress;
use crate::stream::{Control, Entry, Filter, Next, control};

/// How much is read from, and gathered for, the socket at once. Small, because there may be many that are idle.
const BUFFER_BYTES: usize = 8 * 1024;

/// How often a write under way is looked at.
const STALL_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The daemon stops.
    Shutdown,
    /// What the client sent is not to be read.
    Bad(Wrong),
    /// The token is no longer valid.
    Revoked,
    /// A write made no progress.
    Stalled,
    /// Retention has passed the cursor; this is the oldest row that is left.
    Expired(Seq),
    /// The client is gone.
    Gone,
}

/// What is wrong with what a client sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// It breaks the rules of websockets.
    Protocol,
    /// Text that is none.
    Text,
    /// There is too much of it.
    Size,
}

impl Wrong {
    fn code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::Text => 1007,
            Self::Size => 1009,
        }
    }
}

/// Answers the upgrade and serves the client from then on.
pub(super) fn answer(upgrade: WebSocketUpgrade, client: Client, progress: Progress) -> Response {
    upgrade
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_message_size(CLIENT_FRAME_BYTES_MAX)
        .max_frame_size(CLIENT_FRAME_BYTES_MAX)
        .on_upgrade(move |socket| Connection::new(socket, client, progress).run())
}

struct Connection {
    socket: WebSocket,
    client: Client,
    progress: Progress,
    /// Resolves when the token is no longer valid.
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
    beat: Interval,
}

/// What happens next.
enum Step {
    Send(Next),
    Take(Option<Result<Message, axum::Error>>),
    Beat,
    Revoked,
}

impl Connection {
    fn new(socket: WebSocket, client: Client, progress: Progress) -> Self {
        let (tokens, bearer) = (client.tokens.clone(), client.bearer.clone());
        let ended = Box::pin(async move { tokens.ended(&bearer).await });
        let beat = interval_at(Instant::now() + STREAM_BEAT_INTERVAL, STREAM_BEAT_INTERVAL);
        Self { socket, client, progress, ended, beat }
    }

    async fn run(mut self) {
        let Err(end) = self.serve().await else { return };
        self.close(end).await;
    }

    async fn serve(&mut self) -> Result<(), End> {
        let ready = std::mem::take(&mut self.client.ready);
        self.write(vec![Message::Text(ready.into())]).await?;
        loop {
            let step = tokio::select! {
                () = &mut self.ended => Step::Revoked,
                message = self.socket.recv() => Step::Take(message),
                next = self.client.reader.next() => Step::Send(next),
                _ = self.beat.tick() => Step::Beat,
            };
            match step {
                Step::Send(Next::Entry(entry)) => self.send(&entry).await?,
                Step::Send(Next::Expired(oldest)) => return Err(End::Expired(oldest)),
                Step::Send(Next::Closed) => return Err(End::Shutdown),
                Step::Take(Some(Ok(message))) => {
                    let answer = self.take(message)?;
                    // The library has queued the answer to a ping by itself: this writes it out, too.
                    self.write(answer.into_iter().collect()).await?;
                }
                Step::Take(Some(Err(error))) => return Err(unread(error)),
                Step::Take(None) => return Err(End::Gone),
                Step::Beat => self.write(vec![Message::Ping(Default::default())]).await?,
                Step::Revoked => return Err(End::Revoked),
            }
        }
    }

    /// Writes an entry, together with what is there anyway.
    async fn send(&mut self, first: &Entry) -> Result<(), End> {
        let mut batch = Vec::new();
        let mut bytes = self.client.put_frames(&mut batch, first);
        while bytes < LOG_PAGE_BYTES_MAX
            && let Some(entry) = self.client.reader.more()
        {
            bytes += self.client.put_frames(&mut batch, &entry);
        }
        self.write(batch).await
    }

    /// Does what a message asks for; gives what is to be said to it.
    fn take(&mut self, message: Message) -> Result<Option<Message>, End> {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => Utf8Bytes::from_static(""),
            Message::Ping(_) | Message::Pong(_) => return Ok(None),
            Message::Close(_) => return Err(End::Gone),
        };
        let answer = match Command::parse(&text) {
            Some(Command::Subscribe(filter)) => {
                self.client.reader.set_filter(filter);
                return Ok(None);
            }
            Some(Command::Unsubscribe) => {
                self.client.reader.set_filter(Filter::everything());
                return Ok(None);
            }
            Some(Command::Ping) => Control::Pong,
            None => Control::Error("invalid websocket command"),
        };
        Ok(Some(Message::Text(control(&answer).into())))
    }

    /// Writes and flushes, for as long as the client takes some of it every now and then.
    async fn write(&mut self, messages: Vec<Message>) -> Result<(), End> {
        let Self { socket, progress, ended, .. } = self;
        let writing = async {
            for message in messages {
                socket.feed(message).await?;
            }
            socket.flush().await
        };
        tokio::pin!(writing);
        let mut taken = (progress.bytes(), Instant::now());
        loop {
            tokio::select! {
                biased;
                written = &mut writing => return written.map_err(|_| End::Gone),
                () = &mut *ended => return Err(End::Revoked),
                () = tokio::time::sleep(STALL_CHECK_INTERVAL) => {}
            }
            if progress.bytes() != taken.0 {
                taken = (progress.bytes(), Instant::now());
            } else if taken.1.elapsed() >= CLIENT_STALL_MAX {
                return Err(End::Stalled);
            }
        }
    }

    /// Says goodbye, for a short while: who does not read does not hear it.
    async fn close(mut self, end: End) {
        let cursor = self.client.cursor(self.client.reader.cursor());
        let reason = match end {
            // What is left to send is the answer to its own goodbye, if it said one.
            End::Gone => None,
            End::Shutdown => Some((1001, format!("the daemon stops; resume from {cursor}"))),
            End::Bad(wrong) => Some((
                wrong.code(),
                format!("frames are whole and have at most {CLIENT_FRAME_BYTES_MAX} bytes of text"),
            )),
            End::Revoked => Some((4401, format!("the token is no longer valid; resume from {cursor}"))),
            End::Stalled => Some((4408, format!("too slow; resume from {cursor}"))),
            End::Expired(oldest) => {
                Some((4410, format!("retention has passed {cursor}; the oldest row left is {oldest}")))
            }
        };
        // Nobody waits for this reader any more.
        drop(self.client);
        let goodbye = async {
            if let Some((code, reason)) = reason {
                self.socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await?;
            }
            // The other side's own close frame ends the loop.
            while let Some(Ok(_)) = self.socket.recv().await {}
            Ok::<_, axum::Error>(())
        };
        if !matches!(timeout(CLOSE_GRACE, goodbye).await, Ok(Ok(()))) {
            tracing::debug!(?end, "a client did not say goodbye");
        }
    }
}

/// Why nothing more is read from a client.
fn unread(error: axum::Error) -> End {
    match error.into_inner().downcast_ref::<SocketError>() {
        Some(SocketError::Capacity(_)) => End::Bad(Wrong::Size),
        Some(SocketError::Utf8(_)) => End::Bad(Wrong::Text),
        Some(SocketError::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => End::Gone,
        Some(SocketError::Protocol(_)) => End::Bad(Wrong::Protocol),
        _ => End::Gone,
    }
}

impl Client {
    /// Adds the frames of an entry that the client wants; gives their size in bytes.
    fn put_frames(&self, batch: &mut Vec<Message>, entry: &Entry) -> usize {
        let before = batch.len();
        batch.extend(entry.frames_for(self.reader.filter()).map(|frame| Message::Text(frame.text.clone())));
        batch[before..].iter().map(|message| message.to_text().map_or(0, str::len)).sum()
    }
}
