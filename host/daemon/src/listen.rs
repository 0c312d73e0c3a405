//! Where a daemon is reached: a port of this machine, a Unix socket, or both.
//!
//! It encrypts nothing itself. So it is open to other machines only when somebody says so twice: that it may be, and
//! which proxy encrypts what comes. Everything else is refused before anything is bound.

mod proxy;
mod unix;

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpStream, UnixStream};

use crate::start_error::StartError;
pub(crate) use proxy::Proxy;
use unix::UnixSocket;

/// What a daemon is told about where to listen.
#[derive(Debug, Clone)]
pub(crate) struct Listen {
    /// The address.
    pub(crate) address: SocketAddr,
    /// Whether it is to listen there.
    pub(crate) tcp: bool,
    /// The path of a Unix socket, if it is to have another than the one in the data folder.
    pub(crate) unix: Option<PathBuf>,
    /// Whether the address may be one that other machines reach.
    pub(crate) beyond_loopback: bool,
    /// The origin of the proxy in front, such as `https://codex.example.org`.
    pub(crate) proxy: Option<String>,
}

impl Listen {
    /// Looks whether this will do, and binds nothing; gives the proxy in front.
    pub(crate) fn check(&self) -> Result<Option<Proxy>, StartError> {
        let proxy = self.proxy.as_deref().map(Proxy::parse).transpose()?;
        let address = self.address;
        if !self.tcp && self.unix.is_none() {
            return Err(StartError::Nowhere);
        }
        if self.tcp && !address.ip().is_loopback() && !(self.beyond_loopback && proxy.is_some()) {
            return Err(StartError::NotLoopback { address });
        }
        Ok(proxy)
    }

    /// Binds all that was asked for.
    pub(crate) async fn bind(&self) -> Result<Listeners, StartError> {
        let address = self.address;
        let tcp = match self.tcp {
            true => Some(bind_tcp(address).await.map_err(|source| StartError::Listen { address, source })?),
            false => None,
        };
        let socket =
            |path: &PathBuf| UnixSocket::bind(path).map_err(|source| StartError::Socket { path: path.clone(), source });
        Ok(Listeners { tcp, unix: self.unix.as_ref().map(socket).transpose()? })
    }
}

async fn bind_tcp(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// What is bound. Dropped, nothing of it is left.
pub(crate) struct Listeners {
    tcp: Option<(TcpListener, SocketAddr)>,
    unix: Option<UnixSocket>,
}

/// A client that has connected.
pub(crate) enum Arrival {
    /// Over the network, if only that of this machine.
    Tcp(TcpStream),
    /// A process of this user.
    Unix(UnixStream),
}

impl Listeners {
    /// Has the socket found at `path`, in the data folder, where the command line looks: the one that was asked for, by a
    /// link, else one of its own. Without it there is TCP, which is no reason not to start.
    pub(crate) fn show_at(&mut self, path: &Path) {
        let shown = match &mut self.unix {
            Some(socket) => socket.link_at(path),
            None => UnixSocket::bind_claimed(path).map(|socket| self.unix = Some(socket)),
        };
        if let Err(error) = shown {
            let path = path.display();
            tracing::warn!(%path, %error, "there is no Unix socket in the data folder; the command line takes what else there is");
        }
    }

    /// The address, with the port that was found.
    pub(crate) fn tcp(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().map(|(_, address)| *address)
    }

    /// The path of the Unix socket.
    pub(crate) fn unix(&self) -> Option<&Path> {
        self.unix.as_ref().map(UnixSocket::path)
    }

    /// As others are told of it, in one line: `127.0.0.1:3001`, or `unix:/path` where there is no address.
    pub(crate) fn told(&self) -> String {
        match (self.tcp(), self.unix()) {
            (Some(address), _) => address.to_string(),
            (None, path) => format!("unix:{}", path.unwrap_or(Path::new("")).display()),
        }
    }

    /// The next client, wherever it comes from.
    pub(crate) async fn accept(&self) -> io::Result<Arrival> {
        let over_tcp = async {
            match &self.tcp {
                Some((listener, _)) => listener.accept().await.map(|(stream, _)| Arrival::Tcp(stream)),
                None => pending().await,
            }
        };
        let over_unix = async {
            match &self.unix {
                Some(socket) => socket.accept().await.map(Arrival::Unix),
                None => pending().await,
            }
        };
        tokio::select! {
            arrival = over_tcp => arrival,
            arrival = over_unix => arrival,
        }
    }
}

#[cfg(test)]
impl Listeners {
    /// A port of loopback alone.
    pub(crate) async fn on_loopback() -> Self {
        let tcp = bind_tcp(([127, 0, 0, 1], 0).into()).await.expect("a port");
        Self { tcp: Some(tcp), unix: None }
    }

    /// A Unix socket alone.
    pub(crate) fn on_socket(path: &Path) -> Self {
        Self { tcp: None, unix: Some(UnixSocket::bind(path).expect("a socket")) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn listen(address: &str, beyond_loopback: bool, proxy: Option<&str>) -> Listen {
        let (address, proxy) = (address.parse().unwrap(), proxy.map(ToOwned::to_owned));
        Listen { address, tcp: true, unix: None, beyond_loopback, proxy }
    }

    #[test]
    fn beyond_loopback_needs_to_be_said_and_a_proxy() {
        const PROXY: Option<&str> = Some("https://codex.example.org");
        for (address, beyond, proxy, allowed) in [
            ("127.0.0.1:1", false, None, true),
            ("127.9.9.9:1", false, None, true),
            ("[::1]:1", false, None, true),
            ("127.0.0.1:1", false, PROXY, true),
            ("127.0.0.1:1", true, None, true),
            ("0.0.0.0:1", false, None, false),
            ("0.0.0.0:1", true, None, false),
            ("0.0.0.0:1", false, PROXY, false),
            ("0.0.0.0:1", true, PROXY, true),
            ("[::]:1", true, None, false),
            ("192.168.1.2:1", true, None, false),
            ("192.168.1.2:1", true, PROXY, true),
            ("[::ffff:127.0.0.1]:1", false, None, false),
        ] {
            let checked = listen(address, beyond, proxy).check();
            assert_eq!(checked.is_ok(), allowed, "{address} {beyond} {proxy:?}");
            assert!(allowed || matches!(checked, Err(StartError::NotLoopback { .. })));
        }
    }

    #[tokio::test]
    async fn a_path_that_is_too_long_for_a_socket_leaves_what_there_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        let (place, long) = (folder.path().join("socket"), folder.path().join("x".repeat(108)));
        let mut listeners = Listeners::on_loopback().await;
        listeners.show_at(&long);
        assert_eq!((listeners.unix(), listeners.tcp().is_some()), (None, true));
        listeners.show_at(&place);
        assert_eq!(listeners.unix(), Some(place.as_path()));
    }

    #[test]
    fn a_daemon_must_be_reached_somehow() {
        let nowhere = Listen { tcp: false, ..listen("0.0.0.0:1", false, None) };
        assert!(matches!(nowhere.check(), Err(StartError::Nowhere)));
        let socket = Listen { unix: Some("/run/x".into()), ..nowhere };
        assert!(socket.check().is_ok());
    }
}
