//! The one task that reads what a life says: answers go to their calls, the rest into the signals.

use std::collections::VecDeque;
use std::time::Duration;

use codex_manager_model::{Clock, limits};
use tokio::io::AsyncRead;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Signal;
use crate::connection::Connection;
use crate::lines::{Line, Lines};
use crate::message::Message;
use crate::noise::NoiseLimit;
use crate::signals::SignalSender;

/// How long the pipe of a dead child must give nothing before it counts as empty. Its descendants may hold it open for
/// as long as they live, so its end is not waited for.
const EMPTY_AFTER: Duration = Duration::from_millis(200);
/// How long it is waited for in all, in case a descendant goes on writing.
const LAST_WORDS_MAX: Duration = Duration::from_secs(2);

/// Reads for one life.
pub(crate) struct Reader<R> {
    pub(crate) lines: Lines<R>,
    pub(crate) connection: Connection,
    pub(crate) signals: SignalSender,
    pub(crate) clock: Clock,
    /// Cancelled once the child is dead: then only what is in the pipe is read.
    pub(crate) dead: CancellationToken,
}

/// Why the reader ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ReadEnd {
    /// There is nothing more: the child closed its output, or is dead and all was read.
    Done,
    /// A line was longer than allowed.
    TooLong,
    /// The pipe could not be read.
    Failed(String),
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Reads until there is nothing more, beginning with the messages that came during the handshake.
    pub(crate) async fn run(mut self, early: VecDeque<(Message, usize)>) -> ReadEnd {
        let mut noise = NoiseLimit::new(limits::CHILD_NOISE_PER_MINUTE_MAX);
        let mut patience = LAST_WORDS_MAX;
        for (message, bytes) in early {
            self.take(Ok(message), bytes, &mut noise).await;
        }
        loop {
            match self.next_line(&mut patience).await {
                Ok(Line::Whole(line)) => {
                    self.connection.silence().heard();
                    self.take(Message::parse(&line), line.len(), &mut noise).await;
                }
                Ok(Line::TooLong) => return ReadEnd::TooLong,
                Ok(Line::End { unfinished }) => {
                    if unfinished > 0 {
                        let what = format!("its output ended in the middle of a line, after {unfinished} bytes of it");
                        self.take(Err(what), 0, &mut noise).await;
                    }
                    return ReadEnd::Done;
                }
                Err(error) => return ReadEnd::Failed(error.to_string()),
            }
        }
    }

    /// The next line. Only what is waited for after the child's death costs patience; what its consumer takes does not.
    async fn next_line(&mut self, patience: &mut Duration) -> std::io::Result<Line> {
        let dead = self.dead.clone();
        let since = dead.is_cancelled().then(Instant::now);
        if patience.is_zero() {
            return Ok(Line::End { unfinished: 0 });
        }
        let line = tokio::select! {
            biased;
            line = self.lines.next() => line,
            () = async { dead.cancelled().await; tokio::time::sleep(EMPTY_AFTER).await } => {
                Ok(Line::End { unfinished: 0 })
            }
        };
        *patience = patience.saturating_sub(since.map_or(Duration::ZERO, |since| since.elapsed()));
        line
    }

    async fn take(&self, message: Result<Message, String>, bytes: usize, noise: &mut NoiseLimit) {
        let generation = self.connection.generation().clone();
        let at = self.clock.now();
        let what = match message {
            Ok(Message::Notification { method, params }) => {
                return self.send(Signal::Notification { generation, method, params, at }, bytes).await;
            }
            Ok(Message::Request { id, method, params }) => {
                return self.send(Signal::Request { generation, id, method, params, at }, bytes).await;
            }
            Ok(Message::Response { id, outcome }) => {
                if self.connection.pending().settle(id, outcome) {
                    return;
                }
                format!("an answer to call {id}, which nobody waits for")
            }
            Err(what) => what,
        };
        if let Some(what) = noise.admit(what) {
            self.send(Signal::Noise { generation, what }, bytes).await;
        }
    }

    async fn send(&self, signal: Signal, bytes: usize) {
        self.connection.silence().held_back(true);
        self.signals.send(signal, bytes).await;
        self.connection.silence().held_back(false);
    }
}

#[cfg(test)]
mod tests {
    use codex_manager_model::Generation;
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::signals;
    use crate::silence::Silence;

    #[tokio::test(start_paused = true)]
    async fn a_dead_child_whose_descendant_goes_on_writing_is_not_listened_to_forever() {
        let (mut descendant, pipe) = tokio::io::duplex(1024);
        let (sender, mut signals) = signals::channel(100, 10_000);
        let dead = CancellationToken::new();
        let (connection, _queue) = Connection::new(Generation::fresh(), 1, Silence::new(Duration::MAX));
        let lines = Lines::new(pipe, 1000);
        let reader = Reader { lines, connection, signals: sender, clock: Clock::system(), dead: dead.clone() };
        dead.cancel();
        tokio::spawn(async move {
            while descendant.write_all(b"{\"method\":\"m\"}\n").await.is_ok() {
                tokio::time::sleep(EMPTY_AFTER / 2).await;
            }
        });
        let begun = Instant::now();
        assert_eq!(reader.run(VecDeque::new()).await, ReadEnd::Done);
        assert!(begun.elapsed() <= LAST_WORDS_MAX + EMPTY_AFTER, "{:?}", begun.elapsed());
        assert!(signals.try_recv().is_some());
    }
}
