//! An HTTP server that answers every request the same way and keeps what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What the stand-in was asked.
pub(crate) struct Asked {
    pub(crate) route: String,
    pub(crate) body: Value,
    headers: HeaderMap,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// The stand-in; it ends with the test.
pub(crate) struct StandIn {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    server: JoinHandle<()>,
}

impl StandIn {
    /// Answers with this status and body.
    pub(crate) async fn answering(status: StatusCode, body: &'static str) -> Self {
        Self::start(Some((status, body))).await
    }

    /// Takes requests and never answers.
    pub(crate) async fn silent() -> Self {
        Self::start(None).await
    }

    async fn start(answer: Option<(StatusCode, &'static str)>) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let router = Router::new().fallback(move |request: Request| {
            let kept = Arc::clone(&kept);
            async move {
                let asked = read(request).await;
                kept.lock().unwrap().push(asked);
                match answer {
                    Some(answer) => answer,
                    None => std::future::pending().await,
                }
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, asked, server }
    }

    /// The one thing that it was asked since the last time.
    pub(crate) fn take(&self) -> Asked {
        let mut asked = self.asked.lock().unwrap();
        assert_eq!(asked.len(), 1, "asked for one thing");
        asked.remove(0)
    }

    /// All that it was asked for since the last time.
    pub(crate) fn take_all(&self) -> Vec<String> {
        self.asked.lock().unwrap().drain(..).map(|asked| asked.route).collect()
    }

    /// How often it was asked since the last time.
    pub(crate) fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// Stops listening.
    pub(crate) async fn stop(self) {
        self.server.abort();
        let _ = self.server.await;
    }
}

async fn read(request: Request) -> Asked {
    let route = format!("{} {}", request.method(), request.uri());
    let headers = request.headers().clone();
    let body = to_bytes(request.into_body(), 1 << 20).await.unwrap();
    Asked { route, body: serde_json::from_slice(&body).unwrap_or(Value::Null), headers }
}
