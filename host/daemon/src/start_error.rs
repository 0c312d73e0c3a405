//! Why a daemon did not start. Each names the thing and the next step; nothing was changed that matters.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use codex_manager_app_server::BuildError;
use codex_manager_store::{LockError, OpenError};

/// Why a daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Other machines would reach the address, nobody said that they may, or nobody encrypts what they send.
    #[error(
        "refuses to listen on {address}, which other machines reach: what is served is not encrypted; listen on \
         127.0.0.1, or say --allow-beyond-loopback and name the proxy that encrypts with --behind-proxy https://NAME"
    )]
    NotLoopback {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The proxy in front was not named as browsers name it.
    #[error("{proxy:?} is no origin of a proxy: {why}; it looks like https://codex.example.org")]
    Proxy {
        /// What was said.
        proxy: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Neither an address nor a socket was asked for.
    #[error("there is nothing to listen on: name a Unix socket, or leave TCP on")]
    Nowhere,
    /// The Unix socket cannot be bound.
    #[error("cannot listen on the socket {}; name a path in a folder of this user's own", path.display())]
    Socket {
        /// The path asked for.
        path: PathBuf,
        /// What is in the way.
        #[source]
        source: io::Error,
    },
    /// Roles cannot be told by what was configured.
    #[error("cannot tell roles: {why}")]
    Rbac {
        /// What is missing.
        why: &'static str,
    },
    /// The address is taken, or not ours to take.
    #[error("cannot listen on {address}; choose another with --listen, port 0 takes any that is free")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// There is no thread to answer requests on.
    #[error("cannot start the thread that answers requests; let this user have more threads")]
    Thread(#[source] io::Error),
    /// A folder cannot be made or written.
    #[error("cannot use the folder {}; make it writable for this user, or name another", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Codex would see what is to be kept from it, or not see its own.
    #[error(
        "the data folder and CODEX_HOME are both {}, and Codex must not see the first; name another with --data-dir or \
         --codex-home",
        path.display()
    )]
    SameFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The data folder is somebody else's: it holds things, and nothing of ours.
    #[error("{} holds other things and nothing of codex-manager; name an empty or a new folder with --data-dir", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A file in the data folder cannot be read or written, or something else is in its place.
    #[error("cannot use {}; make it a file of this user's own, or move it away", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: io::Error,
    },
    /// Another daemon works on the same data folder or the same `CODEX_HOME`.
    #[error("another daemon is at work here; stop it, or name other folders")]
    Locked(#[source] LockError),
    /// Extensions would be dropped among what is ours, where approved ones lie too.
    #[error(
        "extensions cannot be dropped into {}, which lies in the data folder; name another folder with --extensions",
        path.display()
    )]
    RootInData {
        /// The folder.
        path: PathBuf,
    },
    /// What was approved cannot be read, and so nobody knows what may run.
    #[error("cannot tell which extensions were approved; mend the file, or move it away and approve them again")]
    Approvals(#[source] codex_manager_extension::LockError),
    /// Extensions cannot be run on this machine, or out of this folder.
    #[error("cannot run extensions")]
    Extensions(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store cannot be opened.
    #[error("cannot open the store")]
    Store(#[source] OpenError),
    /// The `codex` named cannot be run.
    #[error("cannot run {}: {why}; install Codex, or name it with --codex-bin or CODEX_BIN", path.display())]
    Codex {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The child's supervisor could not be started.
    #[error("cannot supervise the app-server")]
    Supervisor(#[source] BuildError),
    /// The disk of the data folder is full, or the store has reached its bound.
    #[error(
        "there is no room left for the store in {}; make room on its disk, or raise --store-bytes-max if that is set, and \
         start again",
        folder.display()
    )]
    NoRoom {
        /// The data folder.
        folder: PathBuf,
        /// What the store said.
        #[source]
        source: codex_manager_store::Error,
    },
    /// What an earlier life left unfinished could not be ended.
    #[error(
        "cannot take up what an earlier run left in {}; if it is damaged, put an earlier copy in its place, or move it away",
        path.display()
    )]
    Recovery {
        /// The store's file.
        path: PathBuf,
        /// What the store said.
        #[source]
        source: codex_manager_store::Error,
    },
}

impl StartError {
    /// What the store in this file said when it was taken up.
    pub(crate) fn of_store(path: &Path, source: codex_manager_store::Error) -> Self {
        match source {
            codex_manager_store::Error::Full => {
                Self::NoRoom { folder: path.parent().unwrap_or(path).to_owned(), source }
            }
            source => Self::Recovery { path: path.to_owned(), source },
        }
    }
}
