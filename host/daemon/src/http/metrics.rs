//! `GET /metrics`: figures for programs that draw curves.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use codex_manager_model::Role;
use serde_json::json;

use super::{Access, Doc, Problem, Route};
use crate::service::Metrics;

/// The text format of OpenMetrics, which Prometheus reads.
const MEDIA: &str = "application/openmetrics-text";

pub(super) fn routes() -> Vec<Route> {
    let doc = Doc::new("getMetrics", "system", "Figures of the daemon, in the text format of OpenMetrics.")
        .says("Requests by route and status, the stream and its readers, the store, the outbox, Codex, extensions and the process.")
        .answer_as::<String>(200, "The figures.", MEDIA, json!("codex_manager_requests_total{method=\"GET\"} 1\n# EOF\n"));
    vec![Route::get("/metrics", Access::Role(Role::Viewer), get).doc(doc)]
}

async fn get(State(metrics): State<Metrics>) -> Result<impl IntoResponse, Problem> {
    let text = metrics.text().await?;
    Ok(([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text))
}
