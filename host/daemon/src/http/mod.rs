//! The HTTP edge: parse, authenticate, call a use case, write the answer.
//!
//! One table ([`routes`]) says which routes there are and who may use each. The router is built from it, the guard
//! looks access up in it, and a test walks it. Nothing is decided here that a use case could decide.

mod approvals;
mod drain;
mod edge;
mod extensions;
mod extract;
mod guard;
mod health;
mod operations;
mod problem;
mod serve;
mod sessions;
mod stream;
pub(crate) mod tokens;

use std::convert::Infallible;

use axum::extract::FromRef;
use axum::handler::Handler;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodFilter, MethodRouter, on};
use codex_manager_model::Role;

use crate::service::Services;
use crate::service::error::{Error, Kind};
use crate::stream::Stream;

pub(crate) use extract::{Body, Path, Query};
pub(crate) use guard::Guard;
pub(crate) use problem::Problem;
pub(crate) use serve::serve;

/// What handlers are given.
#[derive(Clone)]
pub(crate) struct State {
    /// The use cases.
    pub(crate) services: Services,
    /// The event stream.
    pub(crate) stream: Stream,
    /// Who may come in.
    pub(crate) guard: Guard,
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
}

impl<S: Clone + Send + Sync + 'static> Route<S> {
    /// A route that reads.
    pub(crate) fn get<H: Handler<T, S>, T: 'static>(path: &'static str, access: Access, handler: H) -> Self {
        Self { method: Method::GET, path, access, handler: on(MethodFilter::GET, handler) }
    }

    /// A route that makes or acts.
    pub(crate) fn post<H: Handler<T, S>, T: 'static>(path: &'static str, access: Access, handler: H) -> Self {
        Self { method: Method::POST, path, access, handler: on(MethodFilter::POST, handler) }
    }

    /// A route that ends something.
    pub(crate) fn delete<H: Handler<T, S>, T: 'static>(path: &'static str, access: Access, handler: H) -> Self {
        Self { method: Method::DELETE, path, access, handler: on(MethodFilter::DELETE, handler) }
    }
}

/// Every route of the API.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes = health::routes();
    routes.extend(sessions::routes());
    routes.extend(approvals::routes());
    routes.extend(extensions::routes());
    routes.extend(operations::routes());
    routes.extend(tokens::routes());
    routes.extend(stream::routes());
    routes
}

/// The API as a service, ready to be served or mounted.
pub(crate) fn router(state: State) -> axum::Router {
    assemble(routes(), state.guard.clone(), state)
}

/// Joins a table with the layers that stand before it. A later layer stands further out.
fn assemble<S: Clone + Send + Sync + 'static>(routes: Vec<Route<S>>, guard: Guard, state: S) -> axum::Router {
    let door = guard::Door::new(guard, routes.iter().map(|route| (&route.method, route.path, route.access)));
    let mut router = axum::Router::new();
    for route in routes {
        router = router.route(route.path, route.handler);
    }
    router
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(from_fn_with_state(door, guard::check))
        .layer(from_fn(edge::answer))
        .with_state(state)
}

async fn no_route(method: Method, uri: Uri) -> Problem {
    Error::new(Kind::NotFound, "route_not_found", format!("there is no route {method} {}", uri.path()))
        .status("not_found")
        .into()
}

async fn no_method(method: Method, uri: Uri) -> Problem {
    let message = format!("{} does not answer {method}; `Allow` says what it answers", uri.path());
    Problem::at(StatusCode::METHOD_NOT_ALLOWED, Error::new(Kind::Invalid, "method_not_allowed", message))
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

impl FromRef<State> for crate::service::tokens::Tokens {
    fn from_ref(state: &State) -> Self {
        state.services.tokens.clone()
    }
}

#[cfg(test)]
mod tests;
