//! What each request came to, counted and told: one line a request at `debug`, and one at `warn` for what went wrong on
//! our side; what is not to be had now did not. The query is not told, nor any header: secrets travel there.

use axum::http::{Method, StatusCode};

use super::asked::Asked;
use crate::service::{Measured, Metrics};

/// What stands for a path that is no route.
const NO_ROUTE: &str = "none";

/// Notes how a request went that is answered now.
pub(super) fn measure(metrics: Option<&Metrics>, asked: &Asked<'_>, status: StatusCode) {
    let (took, request_id) = (asked.at.elapsed(), asked.id.as_str());
    let measured = Measured { method: known(&asked.method), route: asked.route().unwrap_or(NO_ROUTE) };
    let Measured { method, route } = measured;
    if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
        tracing::warn!(request_id, method, route, status = status.as_u16(), ?took, "a request failed");
    } else {
        tracing::debug!(request_id, method, route, status = status.as_u16(), ?took, "a request");
    }
    if let Some(metrics) = metrics {
        metrics.answered(measured, status.as_u16(), took);
    }
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
