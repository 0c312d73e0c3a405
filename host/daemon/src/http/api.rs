//! The API as one thing that answers requests: what every request passes before its handler, and every answer after it.
//!
//! From the outside in: the [measure](super::measure), the [edge](super::edge), the [guard](super::guard) and the [names
//! of requests](super::idempotency), then the [table](super::table). They are calls and not layers of a router: a layer
//! costs every request several allocations, and is given a request without knowing what was asked.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::asked::Asked;
use super::edge::Record;
use super::serve::Link;
use super::table::Table;
use super::{Guard, Problem, drain, edge, idempotency, measure};
use crate::service::requests::Requests;
use crate::service::{Audit, Metrics};

/// What answers requests. Clones are the same.
#[derive(Clone)]
pub(crate) struct Api(Arc<Parts>);

pub(super) struct Parts {
    pub(super) table: Table,
    pub(super) guard: Guard,
    pub(super) audit: Audit,
    pub(super) requests: Requests,
    /// Requests are counted where there is something to count them.
    pub(super) metrics: Option<Metrics>,
}

impl Api {
    pub(super) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Answers one request that came over `link`, whatever happens below.
    pub(crate) async fn answer(&self, request: Request, link: &Link) -> Response {
        let asked = Asked::new(&request, &self.0.table);
        let record = Record::new(&self.0.audit, &asked);
        let handled = async { self.handle(request, link, &record).await };
        let answered = AssertUnwindSafe(handled).catch_unwind().await;
        let response = edge::finish(answered, &asked.id);
        record.write(response.status()).await;
        measure::measure(self.0.metrics.as_ref(), &asked, response.status());
        response
    }

    fn handle<'a>(&'a self, mut request: Request, link: &Link, record: &Record<'a>) -> BoxFuture<'a, Response> {
        let Parts { guard, requests, .. } = &*self.0;
        match guard.check(&mut request, link, record) {
            Ok(()) => idempotency::once(requests, request, record.asked),
            Err(problem) => refuse(request, problem).boxed(),
        }
    }
}

async fn refuse(request: Request, problem: Problem) -> Response {
    let (parts, body) = request.into_parts();
    drain::drain(&parts.headers, body).await;
    problem.into_response()
}
