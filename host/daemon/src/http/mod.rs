//! The HTTP edge: parse, authenticate, call a use case, write the answer.
//!
//! One table ([`routes`]) says which routes there are and who may use each. The router is built from it, the guard
//! looks access up in it, and a test walks it. Nothing is decided here that a use case could decide.

mod audit;
mod backup;
mod codex;
mod controls;
mod deletion;
mod doc;
mod docs;
mod drain;
mod edge;
mod events;
mod extensions;
mod extract;
mod front;
mod guard;
mod health;
pub(crate) mod idempotency;
mod interactions;
mod jobs;
mod measure;
mod metrics;
mod openapi;
mod operations;
mod problem;
mod projects;
mod serve;
mod sessions;
mod settings;
mod stream;
mod suggestions;
pub(crate) mod tokens;
mod transcripts;

use std::convert::Infallible;

use axum::extract::FromRef;
use axum::handler::Handler;
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};
use codex_manager_model::Role;

use crate::service::code;
use crate::service::error::Error;
use crate::service::{Audit, Metrics, Services};
use crate::stream::Stream;

use front::Front;

pub(crate) use doc::Doc;
pub(crate) use extract::{Body, Path, Query};
pub(crate) use guard::{Doors, Guard};
pub use guard::{JwtRules, Rate, Rbac};
pub(crate) use problem::{Problem, status_of};
pub(crate) use serve::serve;

/// What handlers are given.
#[derive(Clone)]
pub(crate) struct State {
    /// The use cases.
    pub(crate) services: Services,
    /// The event stream.
    pub(crate) stream: Stream,
    /// What is counted.
    pub(crate) metrics: Metrics,
}

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody who names an allowed host; without a token.
    Open,
    /// The bearer of a token with this role or a higher one.
    Role(Role),
}

/// One line of the table: a method, a path, who may use it, and what answers.
pub(crate) struct Route<S = State> {
    /// The method. `GET` answers `HEAD` too.
    pub(crate) method: Method,
    /// The path, with `{names}` for its parameters.
    pub(crate) path: &'static str,
    /// Who may use it.
    pub(crate) access: Access,
    /// What answers.
    pub(crate) handler: MethodRouter<S, Infallible>,
    /// What the document of the API says about it.
    pub(crate) doc: Option<Doc>,
}

impl<S: Clone + Send + Sync + 'static> Route<S> {
    /// A route that reads.
    pub(crate) fn get<H: Handler<T, S>, T: 'static>(path: &'static str, access: Access, handler: H) -> Self {
        Self::new(Method::GET, path, access, on(MethodFilter::GET, handler))
    }

    /// A route that makes or acts.
    pub(crate) fn post<H: Handler<T, S>, T: 'static>(path: &'static str, access: Access, handler: H) -> Self {
        Self::new(Method::POST, path, access, on(MethodFilter::POST, handler))
    }

    /// A route that ends something.
    pub(crate) fn delete<H: Handler<T, S>, T: 'static>(path: &'static str, access: Access, handler: H) -> Self {
        Self::new(Method::DELETE, path, access, on(MethodFilter::DELETE, handler))
    }

    /// Says in the document of the API what it takes, answers and refuses.
    #[must_use]
    pub(crate) fn doc(mut self, doc: Doc) -> Self {
        self.doc = Some(doc);
        self
    }

    fn new(method: Method, path: &'static str, access: Access, handler: MethodRouter<S, Infallible>) -> Self {
        Self { method, path, access, handler, doc: None }
    }
}

/// Every route of the API.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes = health::routes();
    routes.extend(metrics::routes());
    routes.extend(backup::routes());
    routes.extend(sessions::routes());
    routes.extend(interactions::routes());
    routes.extend(projects::routes());
    routes.extend(controls::routes());
    routes.extend(settings::routes());
    routes.extend(suggestions::routes());
    routes.extend(jobs::routes());
    routes.extend(extensions::routes());
    routes.extend(deletion::routes());
    routes.extend(transcripts::routes());
    routes.extend(operations::routes());
    routes.extend(tokens::routes());
    routes.extend(audit::routes());
    routes.extend(stream::routes());
    routes.extend(events::routes());
    routes.extend(codex::routes());
    routes.extend(openapi::routes());
    routes.extend(docs::routes());
    routes
}

/// The API as a service, ready to be served or mounted.
pub(crate) fn router(state: State, guard: Guard) -> axum::Router {
    let routes = routes();
    let door = guard::Door::new(guard, &routes);
    let (audit, requests) = (state.services.audit.clone(), state.services.requests.clone());
    let front = Front::new(door, audit, requests, Some(state.metrics.clone()));
    assemble(routes, front, state)
}

/// Joins a table with what stands before it.
fn assemble<S: Clone + Send + Sync + 'static>(routes: Vec<Route<S>>, front: Front, state: S) -> axum::Router {
    let mut router = axum::Router::new();
    for route in routes {
        router = router.route(route.path, route.handler);
    }
    router
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(from_fn_with_state(front, front::pass))
        .with_state(state)
}

async fn no_route(method: Method, uri: Uri) -> Problem {
    Error::new(code::ROUTE_NOT_FOUND, format!("there is no route {method} {}", uri.path())).status("not_found").into()
}

async fn no_method(method: Method, uri: Uri) -> Problem {
    let message = format!("{} does not answer {method}; `Allow` says what it answers", uri.path());
    Error::new(code::METHOD_NOT_ALLOWED, message).into()
}

impl FromRef<State> for Services {
    fn from_ref(state: &State) -> Self {
        state.services.clone()
    }
}

impl FromRef<State> for Stream {
    fn from_ref(state: &State) -> Self {
        state.stream.clone()
    }
}

impl FromRef<State> for Metrics {
    fn from_ref(state: &State) -> Self {
        state.metrics.clone()
    }
}

impl FromRef<State> for Audit {
    fn from_ref(state: &State) -> Self {
        state.services.audit.clone()
    }
}

impl FromRef<State> for crate::service::tokens::Tokens {
    fn from_ref(state: &State) -> Self {
        state.services.tokens.clone()
    }
}

#[cfg(test)]
mod tests;
