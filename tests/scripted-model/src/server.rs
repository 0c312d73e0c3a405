//! The server around the script.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::stream;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::play::{Gate, Player};
use crate::script::{Act, act};

/// The largest request taken: Codex sends the whole conversation each time.
const REQUEST_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How many requests are remembered.
const REQUESTS_MAX: usize = 64;
/// How many events of one answer wait for a slow reader.
const EVENTS_WAITING_MAX: usize = 16;

/// A running scripted model. Dropped, it stops.
#[derive(Debug)]
pub struct ScriptedModel {
    address: SocketAddr,
    gate: watch::Sender<Gate>,
    requests: Arc<Mutex<VecDeque<Value>>>,
    server: JoinHandle<()>,
}

/// Why the model could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No loopback port was to be had.
    #[error("cannot listen on loopback")]
    Listen(#[source] std::io::Error),
}

impl ScriptedModel {
    /// Listens on a free loopback port and answers from then on. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start() -> Result<Self, StartError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(StartError::Listen)?;
        let address = listener.local_addr().map_err(StartError::Listen)?;
        let (gate, gate_seen) = watch::channel(Gate::default());
        let model = Model { requests: Arc::default(), gate: gate_seen.clone(), names: Names::new().into() };
        let requests = model.requests.clone();
        let app = Router::new()
            .route("/v1/responses", post(respond))
            .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
            .with_state(model);
        let server = tokio::spawn(async move {
            // An error here is the listener's own end: there is nobody left to tell.
            let _ = axum::serve(listener, app).with_graceful_shutdown(stopped(gate_seen)).await;
        });
        Ok(Self { address, gate, requests, server })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The provider's base URL in Codex's configuration.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The bodies of the last requests, oldest first.
    pub fn requests(&self) -> Vec<Value> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Lets every answer that is held now come to its end.
    pub fn release(&self) {
        self.gate.send_modify(|gate| gate.releases += 1);
    }

    /// Cuts what is being said and waits until the last connection is closed.
    pub async fn stop(mut self) {
        self.gate.send_modify(|gate| gate.stopped = true);
        // The task ends by itself; a panic in it would have been told by the runtime.
        let _ = (&mut self.server).await;
    }
}

impl Drop for ScriptedModel {
    fn drop(&mut self) {
        self.gate.send_modify(|gate| gate.stopped = true);
    }
}

/// What a request handler needs.
#[derive(Clone)]
struct Model {
    requests: Arc<Mutex<VecDeque<Value>>>,
    gate: watch::Receiver<Gate>,
    names: Arc<Names>,
}

async fn respond(State(model): State<Model>, body: Bytes) -> Response {
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return (StatusCode::BAD_REQUEST, "the body is not JSON").into_response();
    };
    let act = act(&request);
    model.remember(request);
    if let Act::Refuse(status) = act {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        return (status, "refused, as the script says").into_response();
    }
    let (out, events) = mpsc::channel(EVENTS_WAITING_MAX);
    let player = Player { id: model.names.next(), out, gate: model.gate };
    // Being cut is an ordinary end of an answer.
    tokio::spawn(async move { player.play(act).await.is_ok() });
    let lines = stream::unfold(events, |mut events| async move {
        let line = events.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(line), events))
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(lines)).into_response()
}

impl Model {
    fn remember(&self, request: Value) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.len() == REQUESTS_MAX {
            requests.pop_front();
        }
        requests.push_back(request);
    }
}

async fn stopped(mut gate: watch::Receiver<Gate>) {
    // An error means that the owner is gone, which stops the server as well.
    let _ = gate.wait_for(|gate| gate.stopped).await;
}

/// Names for responses that do not repeat, even when a later model serves the same thread.
struct Names {
    started_at: u128,
    count: AtomicU64,
}

impl Names {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started_at: now.as_millis(), count: AtomicU64::new(0) }
    }

    fn next(&self) -> String {
        format!("{}_{}", self.started_at, self.count.fetch_add(1, Ordering::Relaxed))
    }
}
