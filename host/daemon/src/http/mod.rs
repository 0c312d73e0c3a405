//! The HTTP edge: parse, authenticate, call a use case, write the answer.
//!
//! One table ([`routes`]) says which routes there are and who may use each. Requests are answered from it, the guard
//! looks access up in it, and a test walks it. Nothing is decided here that a use case could decide.

mod answering;
mod api;
mod asked;
mod audit;
mod backup;
mod codex;
mod controls;
mod deletion;
mod doc;
mod docs;
mod drain;
mod edge;
pub(crate) mod errors;
mod events;
mod extensions;
mod extract;
mod guard;
mod health;
pub(crate) mod idempotency;
mod interactions;
mod jobs;
mod large;
mod measure;
mod metrics;
mod openapi;
mod operations;
mod parameters;
mod problem;
mod projects;
mod route;
mod serve;
mod sessions;
mod settings;
mod stream;
mod suggestions;
mod table;
pub(crate) mod tokens;
mod transcripts;

use axum::extract::FromRef;

use crate::service::{Audit, Metrics, Services};
use crate::stream::Stream;

use table::Table;

pub(crate) use answering::Answering;
pub(crate) use api::Api;
pub(crate) use doc::Doc;
pub(crate) use extract::{Body, Path, Query};
pub(crate) use guard::{Doors, Guard};
pub use guard::{JwtRules, Rate, Rbac};
pub(crate) use problem::{Problem, status_of};
pub(crate) use route::{Access, Route};
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
    routes.extend(errors::routes());
    large::bound(&mut routes);
    routes
}

/// The API, ready to be served.
pub(crate) fn api(state: State, guard: Guard) -> Api {
    let (audit, requests) = (state.services.audit.clone(), state.services.requests.clone());
    let metrics = Some(state.metrics.clone());
    Api::new(api::Parts { table: Table::new(routes(), &state), guard, audit, requests, metrics })
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
