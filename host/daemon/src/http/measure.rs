//! What each request came to, counted and told: one line a request at `debug`, and one at `warn` for what went wrong on
//! our side. The query is not told, nor any header: secrets travel there.

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::response::Response;
use tokio::time::Instant;

use super::edge::REQUEST_ID;
use crate::service::{Asked, Metrics};

/// What stands for a path that is no route.
const NO_ROUTE: &str = "none";

/// Answers one request, and notes how that went.
pub(super) async fn measure<F: Future<Output = Response>>(
    metrics: Option<&Metrics>,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let begun = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
    let method = known(request.method());
    let response = next(request).await;
    let (status, took) = (response.status(), begun.elapsed());
    let request_id = response.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    if status.is_server_error() {
        tracing::warn!(request_id, method, route, status = status.as_u16(), ?took, "a request failed");
    } else {
        tracing::debug!(request_id, method, route, status = status.as_u16(), ?took, "a request");
    }
    if let Some(metrics) = metrics {
        metrics.answered(Asked { method, route }, status.as_u16(), took);
    }
    response
}

/// A client may make a method up, and each would be a figure of its own.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
