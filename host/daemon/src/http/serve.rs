//! Serving: accepts connections, bounds what each may cost, and ends them in order.
//!
//! This is what a listener of our own adds to the [`Api`]: a deadline for request heads, a bound on
//! their size and on the number of connections, and a deadline for writes that make no progress.

mod connection;
mod room;
mod unread;

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use codex_manager_model::limits::{CLOSE_GRACE, CONNECTIONS_MAX, HEADER_BYTES_MAX, HEADER_READ_MAX};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, getrlimit};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Api;
use crate::listen::{Arrival, Listeners};
use connection::Connection;
pub(super) use connection::Progress;
use room::{Known, Place, Room};

/// How long to wait after accepting failed and nobody could be sent away for it.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// The connection that requests come over, as far as they are concerned with it.
#[derive(Default)]
pub(crate) struct Link {
    pub(super) over: Over,
    /// How much of what is written the client takes.
    pub(super) progress: Progress,
    /// To be told that the client is no stranger, where there are some.
    pub(super) known: Option<Known>,
}

/// What a connection is made of.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// The network, if only that of this machine.
    #[default]
    Tcp,
    /// A Unix socket.
    Unix,
}

/// Serves `api` until `shutdown`; then lets requests under way finish, for a short while.
pub(crate) async fn serve(listeners: Listeners, api: Api, shutdown: impl Future<Output = ()>) {
    let room = Room::new(connections_max());
    tokio::pin!(shutdown);
    loop {
        let (arrival, place) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listeners, &room) => accepted,
        };
        let (api, room) = (api.clone(), room.clone());
        match arrival {
            Arrival::Tcp(stream) => {
                // Frames of the stream are small, and each is awaited.
                let _ = stream.set_nodelay(true);
                tokio::spawn(connected(stream, Over::Tcp, place, api, room));
            }
            Arrival::Unix(stream) => {
                tokio::spawn(connected(stream, Over::Unix, place, api, room));
            }
        }
    }
    drop(listeners);
    room.close();
    // Every connection, upgraded or not, has its place for as long as it lives.
    if tokio::time::timeout(CLOSE_GRACE, room.empty()).await.is_err() {
        tracing::warn!(left = room.taken(), "some connections did not end in time");
    }
}

/// As many as there may be, and no more than half of the files that this process may open: the rest are for the store,
/// the child and extensions.
fn connections_max() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(files / 2).unwrap_or(usize::MAX).clamp(1, CONNECTIONS_MAX)
}

/// The next connection, with a place for it.
async fn accept(listeners: &Listeners, room: &Room) -> (Arrival, Place) {
    loop {
        match listeners.accept().await {
            Ok(arrival) => return (arrival, room.enter().await),
            // There may be no file descriptors left, and strangers may hold many.
            Err(error) if room.send_one_away() => tracing::debug!(%error, "a stranger leaves for the next connection"),
            Err(error) => tracing::warn!(%error, "cannot accept a connection"),
        }
        tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
    }
}

/// Most requests have none, and need nothing that reads it.
fn body(incoming: Incoming) -> Body {
    if incoming.is_end_stream() { Body::empty() } else { Body::new(incoming) }
}

async fn connected<S>(stream: S, over: Over, place: Place, api: Api, room: Room)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (leave, known) = (place.leave(), place.known());
    // The place lives in the connection, which an upgrade moves elsewhere.
    let connection = Connection::new(stream, place);
    let link = Arc::new(Link { over, progress: connection.progress(), known: Some(known) });
    let service = service_fn(move |request: Request<Incoming>| {
        let (api, link) = (api.clone(), Arc::clone(&link));
        async move { Ok::<_, Infallible>(api.answer(request.map(body), &link).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_MAX)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(connection), service)
        .with_upgrades();
    tokio::pin!(served);
    let result = tokio::select! {
        result = &mut served => result,
        () = leave.cancelled() => {
            if !room.is_closing() {
                return;
            }
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}
