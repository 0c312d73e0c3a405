//! What every request passes before its route, and every answer after it, in one layer: from the outside in, the
//! [measure](super::measure), the [edge](super::edge), the [guard](super::guard) and the [names of
//! requests](super::idempotency). One and not four, because each layer of its own costs every request several
//! allocations.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::guard::Door;
use super::{edge, guard, idempotency, measure};
use crate::service::requests::Requests;
use crate::service::{Audit, Metrics};

/// What is needed for that. Clones are the same.
#[derive(Clone)]
pub(super) struct Front(Arc<Parts>);

struct Parts {
    metrics: Option<Metrics>,
    audit: Audit,
    door: Door,
    requests: Requests,
}

impl Front {
    /// Requests are counted where there is something to count them.
    pub(super) fn new(door: Door, audit: Audit, requests: Requests, metrics: Option<Metrics>) -> Self {
        Self(Arc::new(Parts { metrics, audit, door, requests }))
    }
}

/// Lets one request pass.
pub(super) async fn pass(State(front): State<Front>, request: Request, next: Next) -> Response {
    let Parts { metrics, audit, door, requests } = &*front.0;
    let named = |request| idempotency::once(requests, request, next);
    let guarded = |request| guard::check(door, request, named);
    measure::measure(metrics.as_ref(), request, |request| edge::answer(audit, request, guarded)).await
}
