//! The service manager: told when the daemon answers, that it still does, and when it stops. Without one nobody is told.
//!
//! It is told what a client finds. "Ready" is said once a request was answered, and the watchdog is fed for as long as
//! requests are: a daemon whose runtime stands still says nothing, and is started anew.

use std::env;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use sd_notify::{NotifyState, notify, watchdog_enabled};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{sleep, timeout};

use crate::Daemon;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// How long to wait before asking again.
const AGAIN: Duration = Duration::from_millis(50);
/// How an answer begins that is one.
const OK: &[u8] = b"HTTP/1.1 200";

/// Where the daemon is found.
enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// Tells the service manager of this daemon, if there is one that listens.
pub(super) fn attend(daemon: &Daemon) {
    let place = daemon.address().map(Place::Tcp).or_else(|| daemon.unix_socket().map(|path| Place::Unix(path.into())));
    if let Some(place) = place.filter(|_| env::var_os("NOTIFY_SOCKET").is_some()) {
        tokio::spawn(async move {
            while !place.answers().await {
                sleep(AGAIN).await;
            }
            tell(&[NotifyState::Ready, NotifyState::Status("answering requests")]);
            if let Some(patience) = watchdog_enabled() {
                place.feed(patience).await;
            }
        });
    }
}

/// Tells that the daemon stops.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("finishing what is under way")]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = notify(states) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

impl Place {
    /// Tells for as long as requests are answered, twice within its patience.
    async fn feed(&self, patience: Duration) {
        loop {
            if self.answers().await {
                tell(&[NotifyState::Watchdog]);
            } else {
                tracing::warn!(
                    "a request of our own was not answered; the service manager is not told that all is well"
                );
            }
            sleep(patience / 2).await;
        }
    }

    /// Whether a request is answered, in time.
    async fn answers(&self) -> bool {
        let asked = async {
            match self {
                Self::Tcp(address) => {
                    let host = format!("localhost:{}", address.port());
                    ask(TcpStream::connect(reachable(*address)).await?, &host).await
                }
                Self::Unix(path) => ask(UnixStream::connect(path).await?, "localhost").await,
            }
        };
        matches!(timeout(ANSWER_MAX, asked).await, Ok(Ok(true)))
    }
}

/// Asks what is open to anybody, under a name that is the daemon's.
async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, host: &str) -> io::Result<bool> {
    let request = format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut head = [0; OK.len()];
    stream.read_exact(&mut head).await?;
    Ok(head == *OK)
}

/// An address that is every address is reached at this machine's own.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    SocketAddr::new(ip, address.port())
}
