//! One life of the child, from its start to its end.

use std::io;
use std::time::Duration;

use codex_manager_model::Generation;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::child::{Child, Ended};
use crate::connection::Connection;
use crate::handshake::{self, Failure, Greeting};
use crate::launch::Launcher;
use crate::lines::Lines;
use crate::outbound::{self, WriteEnd};
use crate::pulse;
use crate::reader::{ReadEnd, Reader};
use crate::recipe::Recipe;
use crate::remains::Remains;
use crate::shared::Shared;
use crate::signals::SignalSender;
use crate::silence::Silence;
use crate::stderr::{self, Tail};
use crate::{Config, Exit, Signal};

/// How long what a dead child last said is waited for.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What a life needs.
pub(crate) struct Life<'a> {
    pub(crate) config: &'a Config,
    pub(crate) recipe: &'a Recipe,
    pub(crate) launcher: &'a Launcher,
    pub(crate) shared: &'a Shared,
    pub(crate) signals: &'a SignalSender,
}

/// How a life ended.
pub(crate) struct Death {
    /// What that means for the next one.
    pub(crate) cause: Cause,
    /// How the process ended.
    pub(crate) exit: Exit,
    /// How long the child was ready.
    pub(crate) ready_for: Duration,
    /// What is still to be read and told, if anything could have been heard.
    pub(crate) remains: Option<Remains>,
}

/// Why a life ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The child ended by itself.
    Itself,
    /// It was asked to, by [`stop`](crate::AppServer::stop).
    Stop,
    /// It closed a pipe. Most likely it is about to end.
    Closing(String),
    /// It misbehaved.
    Verdict(String),
    /// It is not one that can be used.
    Unusable(String),
}

/// A child with the tasks around it.
struct Running {
    child: Child,
    connection: Connection,
    lines: Lines<ChildStdout>,
    around: Around,
}

/// What runs beside the reader.
struct Around {
    writer: AbortOnDropHandle<WriteEnd>,
    stderr: AbortOnDropHandle<()>,
    tail: Tail,
}

impl Life<'_> {
    /// Lives it. Returns when the process and its group are gone.
    pub(crate) async fn live(&self, generation: Generation) -> Death {
        let mut running = match self.start(generation).await {
            Ok(running) => running,
            Err(error) => return self.stillborn(&error),
        };
        match self.greet(&mut running).await {
            Ok(greeting) => self.grow(running, greeting).await,
            Err(cause) => {
                let Running { child, around, .. } = running;
                let (cause, exit) = self.end(child, around, cause).await;
                Death { cause, exit, ready_for: Duration::ZERO, remains: None }
            }
        }
    }

    async fn start(&self, generation: Generation) -> io::Result<Running> {
        let process = self.launcher.launch(self.recipe.command()).await?;
        let mut child = Child::new(process, self.recipe.is_contained())?;
        let missing = || io::Error::other("a pipe is missing");
        let pipes = child.pipes();
        let input = ChildStdin::from_std(pipes.stdin.take().ok_or_else(missing)?)?;
        let output = ChildStdout::from_std(pipes.stdout.take().ok_or_else(missing)?)?;
        let errors = ChildStderr::from_std(pipes.stderr.take().ok_or_else(missing)?)?;

        let title = format!("{generation} started at {}", self.config.clock.now());
        let silence = Silence::new(self.config.timeouts.silence);
        let (connection, queue) = Connection::new(generation, handshake::FIRST_CALL_ID, silence);
        let write = outbound::write(input, queue, self.config.timeouts.write_stall);
        let tail = Tail::default();
        let drain = stderr::drain(errors, self.config.stderr.clone(), title, tail.clone());
        let (writer, stderr) = (tokio::spawn(write), tokio::spawn(drain));
        let around = Around { writer: AbortOnDropHandle::new(writer), stderr: AbortOnDropHandle::new(stderr), tail };
        Ok(Running { child, connection, lines: Lines::new(output, self.config.line_bytes_max), around })
    }

    async fn greet(&self, running: &mut Running) -> Result<Greeting, Cause> {
        let Running { child, connection, lines, .. } = running;
        let patience = self.config.timeouts.handshake;
        tokio::select! {
            biased;
            () = self.shared.stopping.cancelled() => Err(Cause::Stop),
            greeting = timeout(patience, handshake::shake_hands(lines, connection, &self.config.client)) => match greeting {
                Ok(Ok(greeting)) => Ok(greeting),
                Ok(Err(Failure::Closing)) => Err(Cause::Closing("it closed its output before the handshake".to_owned())),
                Ok(Err(Failure::Failed(why))) => Err(Cause::Verdict(why)),
                Ok(Err(Failure::Unusable(why))) => Err(Cause::Unusable(why)),
                Err(_) => Err(Cause::Verdict(format!("it did not finish the handshake within {patience:?}"))),
            },
            () = child.ended() => Err(Cause::Itself),
        }
    }

    /// The time in which it can be called.
    async fn grow(&self, running: Running, greeting: Greeting) -> Death {
        let Running { mut child, connection, lines, mut around } = running;
        child.look_inside();
        let ready_at = Instant::now();
        let pid = child.app_server_pid();
        self.shared.ready(connection.clone(), pid, &greeting.version);
        let (generation, at) = (connection.generation().clone(), self.config.clock.now());
        self.signals.tell(Signal::Started { generation, pid, at });

        let dead = CancellationToken::new();
        let reader = Reader {
            lines,
            connection: connection.clone(),
            signals: self.signals.clone(),
            clock: self.config.clock.clone(),
            dead: dead.clone(),
        };
        let mut reader = AbortOnDropHandle::new(tokio::spawn(reader.run(greeting.early)));
        let cause = tokio::select! {
            cause = self.watch(&child, &connection, &mut reader, &mut around.writer) => cause,
            never = pulse::feel(&connection, self.shared, &self.config.timeouts) => match never {},
        };
        self.shared.ending();
        let ready_for = ready_at.elapsed();
        let (cause, exit) = self.end(child, around, cause).await;
        Death { cause, exit, ready_for, remains: Some(Remains { reader, dead, connection }) }
    }

    /// Waits for a reason to end.
    async fn watch(
        &self,
        child: &Child,
        connection: &Connection,
        reader: &mut AbortOnDropHandle<ReadEnd>,
        writer: &mut AbortOnDropHandle<WriteEnd>,
    ) -> Cause {
        tokio::select! {
            biased;
            () = child.ended() => Cause::Itself,
            () = self.shared.stopping.cancelled() => Cause::Stop,
            end = reader => match end {
                Ok(ReadEnd::Done) => Cause::Closing("it closed its output".to_owned()),
                Ok(ReadEnd::TooLong) => {
                    Cause::Verdict(format!("a line was longer than {} bytes", self.config.line_bytes_max))
                }
                Ok(ReadEnd::Failed(error)) => Cause::Verdict(format!("its output could not be read: {error}")),
                Err(error) => Cause::Verdict(format!("its reader failed: {error}")),
            },
            end = writer => match end {
                Ok(WriteEnd::Stalled(time)) => Cause::Verdict(format!("it read nothing for {time:?}")),
                Ok(WriteEnd::Closed(error)) => Cause::Closing(format!("it closed its input ({error})")),
                Ok(WriteEnd::Done) => Cause::Closing("its input ended".to_owned()),
                Err(error) => Cause::Verdict(format!("its writer failed: {error}")),
            },
            time = connection.silence().hangs() => Cause::Verdict(format!("it was asked and said nothing for {time:?}")),
        }
    }

    /// Ends what is to be ended, and finds out how it went.
    async fn end(&self, mut child: Child, around: Around, cause: Cause) -> (Cause, Exit) {
        let Around { writer, stderr, tail } = around;
        let timeouts = &self.config.timeouts;
        let cause = match cause {
            // Its input stays open meanwhile, so that it cannot be us who made it end.
            Cause::Closing(_) if timeout(timeouts.close, child.ended()).await.is_ok() => Cause::Itself,
            Cause::Stop => {
                writer.abort();
                if timeout(timeouts.close, child.ended()).await.is_err() {
                    child.terminate();
                    // Whether it heeds that or not, it is finished next.
                    let _ = timeout(timeouts.terminate, child.ended()).await;
                }
                Cause::Stop
            }
            cause => cause,
        };
        drop(writer);
        let ended = child.finish().await;
        // Something that it left may hold the pipe open for as long as it lives.
        let _ = timeout(LAST_WORDS, stderr).await;
        let reason = reason(&cause, ended, tail.text());
        (cause, Exit { code: ended.code, signal: ended.signal, at: self.config.clock.now(), reason })
    }

    fn stillborn(&self, error: &io::Error) -> Death {
        let reason = format!("{} could not be started: {error}", self.recipe.text());
        let exit = Exit { code: None, signal: None, at: self.config.clock.now(), reason };
        Death { cause: Cause::Itself, exit, ready_for: Duration::ZERO, remains: None }
    }
}

fn reason(cause: &Cause, ended: Ended, last_words: Option<String>) -> String {
    let what = match (cause, ended.code, ended.signal) {
        (Cause::Stop, _, _) => "it was stopped".to_owned(),
        (Cause::Verdict(why) | Cause::Closing(why) | Cause::Unusable(why), _, _) => format!("it was ended: {why}"),
        (Cause::Itself, Some(code), _) => format!("it exited with code {code}"),
        (Cause::Itself, None, Some(signal)) => format!("it was ended by signal {signal}"),
        (Cause::Itself, None, None) => "it ended".to_owned(),
    };
    match last_words {
        Some(words) => format!("{what}; it last said: {words}"),
        None => what,
    }
}
