//! The thread that starts processes, and lives as long as the supervisor.
//!
//! "Die with your parent" is about the *thread* that started a process. A worker of the runtime may end at any time, and
//! would take a contained child with it; this thread ends when the supervisor does.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc;
use std::thread;

use tokio::sync::oneshot;

/// The way to the thread. Dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct Launcher {
    orders: mpsc::Sender<Order>,
}

struct Order {
    command: Command,
    started: oneshot::Sender<io::Result<Newborn>>,
}

/// A process that is ended if nobody takes it over, wherever on its way that shows.
#[derive(Debug)]
struct Newborn(Option<Child>);

impl Launcher {
    /// Starts the thread.
    pub(crate) fn start() -> io::Result<Self> {
        let (orders, queue) = mpsc::channel::<Order>();
        thread::Builder::new().name("codex-launcher".to_owned()).spawn(move || {
            for Order { mut command, started } in queue {
                // Whoever waited may have gone: then what comes back is dropped here.
                drop(started.send(command.spawn().map(|child| Newborn(Some(child)))));
            }
        })?;
        Ok(Self { orders })
    }

    /// Starts a process on the thread.
    pub(crate) async fn launch(&self, command: Command) -> io::Result<Child> {
        let (started, result) = oneshot::channel();
        let gone = || io::Error::other("the launcher thread is gone");
        self.orders.send(Order { command, started }).map_err(|_| gone())?;
        let mut newborn = result.await.map_err(|_| gone())??;
        newborn.0.take().ok_or_else(gone)
    }
}

impl Drop for Newborn {
    fn drop(&mut self) {
        if let Some(mut orphan) = self.0.take() {
            let _ = orphan.kill();
            let _ = orphan.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processes;

    #[tokio::test]
    async fn processes_are_started_and_failures_are_told() {
        let launcher = Launcher::start().unwrap();
        let mut child = launcher.launch(Command::new("/bin/true")).await.unwrap();
        assert!(child.wait().unwrap().success());
        let missing = launcher.launch(Command::new("/nowhere/at/all")).await;
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn a_process_that_nobody_waits_for_is_ended() {
        let launcher = Launcher::start().unwrap();
        let mut command = Command::new("/bin/sleep");
        command.arg("600");
        let mut launching = Box::pin(launcher.launch(command));
        let first = std::future::poll_fn(|context| std::task::Poll::Ready(launching.as_mut().poll(context).is_ready()));
        assert!(!first.await);
        // When the next one is there, the first is on its way to somebody who has not looked yet.
        launcher.launch(Command::new("/bin/true")).await.unwrap().wait().unwrap();
        let sleeping = || processes::children_of(std::process::id()).into_iter().any(|child| child.name == "sleep");
        assert!(sleeping());
        drop(launching);
        assert!(!sleeping());
    }
}
