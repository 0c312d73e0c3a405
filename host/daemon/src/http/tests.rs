//! The edge from outside, around a small table of routes and a real store.

mod guarding;
mod recording;
mod refusing;
mod serving;
mod streaming;
mod token_routes;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::body::{Body as RawBody, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use axum::http::request::Builder;
use axum::http::{Method, Request, Response};
use codex_manager_model::{Actor, Clock, Role};
use codex_manager_store::{Config, Ephemeral, Store};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use axum::http::StatusCode;

use super::serve::Link;
use super::*;
use crate::service::requests::Requests;
use crate::service::tokens::{Bearer, Secret, Tokens};

/// No test waits longer than this for anything.
const DEADLINE: Duration = Duration::from_secs(60);
const PORT: u16 = 4317;
const OUR_HOST: &str = "127.0.0.1:4317";

#[derive(Clone)]
struct Parts {
    tokens: Tokens,
    audit: Audit,
    stream: Stream,
}

impl FromRef<Parts> for Audit {
    fn from_ref(parts: &Parts) -> Self {
        parts.audit.clone()
    }
}

impl FromRef<Parts> for Tokens {
    fn from_ref(parts: &Parts) -> Self {
        parts.tokens.clone()
    }
}

impl FromRef<Parts> for Stream {
    fn from_ref(parts: &Parts) -> Self {
        parts.stream.clone()
    }
}

struct Fixture {
    parts: Parts,
    store: Store,
    guard: Guard,
    requests: Requests,
    viewer: Secret,
    operator: Secret,
    admin: Secret,
    clock: Clock,
    /// How many seconds the clock is ahead of the true time.
    ahead: Arc<AtomicI64>,
    port: u16,
    stop: CancellationToken,
    _folder: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        Self::on_port(PORT).await
    }

    async fn on_port(port: u16) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Config { folder: folder.path().to_owned(), size_bytes_max: None }.open().expect("a store");
        let (clock, ahead) = movable();
        let tokens = Tokens::open(store.clone(), clock.clone()).await.expect("tokens");
        let stream = Stream::new(store.clone(), Ephemeral::new());
        let stop = CancellationToken::new();
        tokio::spawn(stream.clone().run(stop.clone()));
        Self {
            viewer: secret(&tokens, Role::Viewer).await,
            operator: secret(&tokens, Role::Operator).await,
            admin: secret(&tokens, Role::Admin).await,
            guard: Guard::new(tokens.clone(), doors(port), Rate::default(), Rbac::Disabled, clock.clone()),
            requests: Requests::new(store.clone(), Clock::system()),
            parts: Parts { tokens, audit: Audit::new(store.clone(), clock.clone()), stream },
            store,
            clock,
            ahead,
            port,
            stop,
            _folder: folder,
        }
    }

    /// The same with another rate and other roles.
    fn guarded_by(mut self, rate: Rate, rbac: Rbac) -> Self {
        self.guard = Guard::new(self.parts.tokens.clone(), doors(self.port), rate, rbac, self.clock.clone());
        self
    }

    fn api(&self) -> Api {
        self.routed(table())
    }

    fn routed(&self, routes: Vec<Route<Parts>>) -> Api {
        Api::new(api::Parts {
            table: Table::new(routes, &self.parts),
            guard: self.guard.clone(),
            audit: self.parts.audit.clone(),
            requests: self.requests.clone(),
            metrics: None,
        })
    }

    async fn send(&self, request: Request<RawBody>) -> Response<RawBody> {
        self.api().answer(request, &Link::default()).await
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn doors(port: u16) -> Doors {
    Doors::new(Some(SocketAddr::from(([127, 0, 0, 1], port))), None)
}

/// A clock, and what moves it.
fn movable() -> (Clock, Arc<AtomicI64>) {
    let ahead = Arc::new(AtomicI64::new(0));
    let by = Arc::clone(&ahead);
    (Clock::new(move || jiff::Timestamp::now() + jiff::SignedDuration::from_secs(by.load(Ordering::SeqCst))), ahead)
}

async fn secret(tokens: &Tokens, role: Role) -> Secret {
    tokens.create("test", role, None, Actor::User).await.expect("a token").1
}

/// The routes that are really ours and need no child, and one of each kind of access.
fn table() -> Vec<Route<Parts>> {
    let mut routes = vec![
        Route::get("/open", Access::Open, async || "open"),
        Route::get("/view/{name}", Access::Role(Role::Viewer), async |Path(name): Path<String>| name),
        Route::get("/panic", Access::Role(Role::Viewer), panics),
        Route::post("/panic", Access::Role(Role::Operator), panics),
        Route::post("/hangs", Access::Role(Role::Operator), std::future::pending::<()>),
        Route::post("/act", Access::Role(Role::Operator), async |Body(value): Body<Value>| value.to_string()),
        Route::post("/idle", Access::Role(Role::Operator), async |bearer: Bearer| bearer.actor().to_string()),
    ];
    routes.extend(tokens::routes());
    routes.extend(audit::routes());
    routes.extend(stream::routes());
    routes
}

async fn panics() -> &'static str {
    panic!("on purpose")
}

/// A request to our own host.
fn to_us(method: Method, path: &str) -> Builder {
    Request::builder().method(method).uri(path).header(HOST, OUR_HOST)
}

fn with(builder: Builder, secret: &Secret) -> Builder {
    builder.header(AUTHORIZATION, format!("Bearer {}", secret.expose()))
}

fn get(path: &str, secret: &Secret) -> Request<RawBody> {
    with(to_us(Method::GET, path), secret).body(RawBody::empty()).expect("a request")
}

fn post(path: &str, secret: &Secret, body: impl Into<RawBody>) -> Request<RawBody> {
    let builder = with(to_us(Method::POST, path), secret).header(CONTENT_TYPE, "application/json");
    builder.body(body.into()).expect("a request")
}

async fn text(response: Response<RawBody>) -> String {
    let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    String::from_utf8(bytes.to_vec()).expect("text")
}

async fn json(response: Response<RawBody>) -> Value {
    serde_json::from_str(&text(response).await).expect("JSON")
}

/// That this is a refusal in the one shape that all refusals have; gives it.
async fn problem(response: Response<RawBody>, status: StatusCode, code: &str) -> Value {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    let id = response.headers()["x-request-id"].to_str().expect("text").to_owned();
    let problem = json(response).await;
    assert_eq!(problem["code"], code, "{problem}");
    assert_eq!(problem["requestId"], id, "{problem}");
    for member in ["type", "title", "detail", "status", "message"] {
        assert!(problem[member].is_string(), "{member} in {problem}");
    }
    problem
}
