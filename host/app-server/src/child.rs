//! One running process with all that belongs to it.
//!
//! Processes are named by descriptors (`pidfd`), not by numbers, wherever a number could have passed to another process
//! by the time it is used. The group is ended before its leader is reaped, because only until then is its number taken.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use tokio::io::unix::AsyncFd;

use crate::processes;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
}

/// The process that was started: the app-server itself, or bubblewrap around it.
#[derive(Debug)]
pub(crate) struct Child {
    process: std::process::Child,
    watch: Watch,
    contained: bool,
    /// The first process of the namespace, with whose end all others in it end.
    namespace: Option<Watch>,
    app_server: Option<Watch>,
    reaped: bool,
}

/// A process that is watched for its end.
#[derive(Debug)]
struct Watch {
    pid: u32,
    descriptor: AsyncFd<OwnedFd>,
}

impl Child {
    /// Watches over a process that leads a group of its own. If that fails, the process is ended.
    pub(crate) fn new(mut process: std::process::Child, contained: bool) -> io::Result<Self> {
        match Watch::new(process.id()) {
            Ok(watch) => Ok(Self { process, watch, contained, namespace: None, app_server: None, reaped: false }),
            Err(error) => {
                let _ = process.kill();
                let _ = process.wait();
                Err(error)
            }
        }
    }

    /// Takes a pipe of the process: input, output, errors, each once.
    pub(crate) fn pipes(&mut self) -> &mut std::process::Child {
        &mut self.process
    }

    /// Finds the app-server and its namespace. Finds nothing as long as bubblewrap is still preparing.
    pub(crate) fn look_inside(&mut self) {
        if !self.contained || self.app_server.is_some() {
            return;
        }
        self.namespace = Watch::child_of(self.process.id());
        let Some(namespace) = &self.namespace else { return };
        self.app_server = Watch::child_of(namespace.pid);
    }

    /// The app-server's own id as this machine sees it, once it is known.
    pub(crate) fn app_server_pid(&self) -> Option<u32> {
        match &self.app_server {
            Some(inside) => Some(inside.pid),
            None if self.contained => None,
            None => Some(self.process.id()),
        }
    }

    /// Resolves when the process has ended. It is not reaped by that.
    pub(crate) async fn ended(&self) {
        self.watch.ended().await;
    }

    /// Asks the app-server to end.
    pub(crate) fn terminate(&mut self) {
        self.look_inside();
        self.app_server.as_ref().unwrap_or(&self.watch).signal(Signal::TERM);
    }

    /// Ends the process, its group and its namespace, and waits for that.
    pub(crate) async fn finish(mut self) -> Ended {
        self.look_inside();
        self.kill();
        self.ended().await;
        let status = self.reap();
        if let Some(namespace) = &self.namespace {
            // Its end cannot be prevented, only delayed by the kernel's own work; it is not ours to reap.
            let _ = tokio::time::timeout(Duration::from_secs(5), namespace.ended()).await;
        }
        Ended::new(status, self.contained)
    }

    fn kill(&self) {
        if let Some(group) = Pid::from_raw(self.process.id().cast_signed()) {
            // Nothing to end is as good.
            let _ = kill_process_group(group, Signal::KILL);
        }
        for watch in [&self.namespace, &self.app_server].into_iter().flatten() {
            watch.signal(Signal::KILL);
        }
    }

    fn reap(&mut self) -> Option<ExitStatus> {
        self.reaped = true;
        self.process.wait().ok()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill();
            self.reap();
        }
    }
}

impl Watch {
    #[expect(
        deprecated,
        reason = "its replacement is unsafe, for descriptors that may change hands; an OwnedFd does not"
    )]
    fn new(pid: u32) -> io::Result<Self> {
        let raw = Pid::from_raw(pid.cast_signed()).ok_or(io::ErrorKind::InvalidInput)?;
        let descriptor = AsyncFd::new(pidfd_open(raw, PidfdFlags::NONBLOCK)?)?;
        Ok(Self { pid, descriptor })
    }

    /// Watches the oldest child of `parent`: what it was started for, before anything was orphaned to it.
    fn child_of(parent: u32) -> Option<Self> {
        let children = processes::children_of(parent);
        let watch = Self::new(children.first()?.pid).ok()?;
        // Only if it is still there now was it the one we opened.
        processes::one(watch.pid).filter(|process| process.parent == parent).map(|_| watch)
    }

    async fn ended(&self) {
        // A descriptor of a process becomes readable when the process ends, and stays so.
        let _ = self.descriptor.readable().await;
    }

    fn signal(&self, signal: Signal) {
        // It may have ended by itself.
        let _ = pidfd_send_signal(self.descriptor.get_ref(), signal);
    }
}

impl Ended {
    /// Bubblewrap tells a signal that ended the app-server as the code 128 and the signal's number.
    fn new(status: Option<ExitStatus>, contained: bool) -> Self {
        let code = status.and_then(|status| status.code());
        let signal = status.and_then(|status| status.signal());
        match code {
            Some(code @ 129..=192) if contained => Self { code: None, signal: Some(code - 128) },
            _ => Self { code, signal },
        }
    }
}
