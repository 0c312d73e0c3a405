//! Serving: accepts connections, bounds what each may cost, and ends them in order.
//!
//! This is what a listener of our own adds to the [`router`](super::router): a deadline for request heads, a bound on
//! their size and on the number of connections, and a deadline for writes that make no progress.

mod connection;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use codex_manager_model::limits::{CLOSE_GRACE, CONNECTIONS_MAX, HEADER_BYTES_MAX, HEADER_READ_MAX};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use connection::Connection;
pub(super) use connection::Progress;

/// How long to wait after accepting failed, as it does while the process has no file descriptors left.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Serves `router` until `shutdown`; then lets requests under way finish, for a short while.
pub(crate) async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let ending = CancellationToken::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &room) => accepted,
        };
        tokio::spawn(connected(accepted, router.clone(), ending.clone()));
    }
    drop(listener);
    ending.cancel();
    // Every connection, upgraded or not, holds one permit for as long as it lives.
    let everybody = u32::try_from(CONNECTIONS_MAX).expect("a few connections");
    if tokio::time::timeout(CLOSE_GRACE, room.acquire_many(everybody)).await.is_err() {
        tracing::warn!(left = CONNECTIONS_MAX - room.available_permits(), "some connections did not end in time");
    }
}

type Accepted = (TcpStream, OwnedSemaphorePermit);

/// The next connection, once there is room for one more.
async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> Accepted {
    let permit = Arc::clone(room).acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, permit),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

async fn connected((stream, permit): Accepted, router: Router, ending: CancellationToken) {
    // Frames of the stream are small, and each is awaited.
    let _ = stream.set_nodelay(true);
    // The permit lives in the connection, which an upgrade moves elsewhere.
    let connection = Connection::new(stream, permit);
    let progress = connection.progress();
    let service = router.map_request(move |request: Request<Incoming>| {
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(progress.clone());
        request
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_MAX)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(connection), TowerToHyperService::new(service))
        .with_upgrades();
    tokio::pin!(served);
    let result = tokio::select! {
        result = &mut served => result,
        () = ending.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}
