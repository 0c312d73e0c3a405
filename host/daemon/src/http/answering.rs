//! The thread on which requests are answered: one, and of its own.
//!
//! One, because answers are short and what takes long is waited for elsewhere; several threads would take a request's work
//! from each other, at a cost of the same size. Of its own, so that nobody waits for a thread on which an extension
//! computes.

use std::future::Future;
use std::{io, thread};

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The thread, for as long as this lives.
pub(crate) struct Answering {
    runtime: Handle,
    _end: DropGuard,
}

impl Answering {
    /// Begins it.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub(crate) fn begin() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (handle, end) = (runtime.handle().clone(), CancellationToken::new());
        let ended = end.clone();
        thread::Builder::new().name("http".to_owned()).spawn(move || {
            runtime.block_on(ended.cancelled());
            // What nobody waits for any more does not hold up the end.
            runtime.shutdown_background();
        })?;
        Ok(Self { runtime: handle, _end: end.drop_guard() })
    }

    /// Runs `work` there, and whatever it begins; resolves when it is done. What it began goes on.
    pub(crate) async fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Err(error) = self.runtime.spawn(work).await {
            tracing::error!(%error, "what answers requests has failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_was_begun_there_goes_on_until_the_thread_ends() {
        let answering = Answering::begin().unwrap();
        let (name, told) = oneshot::channel();
        let (go_on, ask) = oneshot::channel::<()>();
        answering
            .run(async move {
                tokio::spawn(async move {
                    let asked = ask.await.is_ok();
                    let _ = name.send((asked, thread::current().name().map(str::to_owned)));
                });
            })
            .await;
        go_on.send(()).unwrap();
        assert_eq!(told.await.unwrap(), (true, Some("http".to_owned())));

        let (never, dropped) = oneshot::channel::<()>();
        answering
            .run(async move {
                tokio::spawn(async move {
                    std::future::pending::<()>().await;
                    drop(never);
                });
            })
            .await;
        drop(answering);
        assert!(dropped.await.is_err(), "what still waits is dropped with it");
    }
}
