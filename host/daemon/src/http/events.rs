//! `GET /api/events`: the log in pages. `GET /api/asyncapi.json`: what stands in it.

use std::sync::LazyLock;

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use codex_manager_model::Role;
use codex_manager_model::limits::EVENT_PAGE_MAX;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::stream::Ask;
use super::{Access, Doc, Problem, Route};
use crate::service::code;
use crate::service::error::Error;
use crate::stream::{EventPage, Stream, document};

/// How many rows a page has when nobody says otherwise.
const ROWS: u32 = 100;

/// The document of the stream as it is served.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());

pub(super) fn routes<S>() -> Vec<Route<S>>
where
    S: Clone + Send + Sync + 'static,
    Stream: FromRef<S>,
{
    let viewer = Access::Role(Role::Viewer);
    vec![
        Route::get("/api/events", viewer, page).doc(doc_of_page()),
        Route::get("/api/asyncapi.json", viewer, describe).doc(doc_of_document()),
    ]
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what is parsed with the rest of the query")]
struct Limit {
    /// How many rows at most, from 1 to 200.
    #[param(required = false, nullable = false, minimum = 1, maximum = 200, default = 100)]
    limit: Option<u32>,
}

async fn page(State(stream): State<Stream>, ask: Result<Ask, Problem>) -> Result<Json<EventPage>, Problem> {
    let ask = ask?;
    let rows = rows(ask.limit.as_deref())?;
    Ok(Json(stream.page(ask.cursor()?, ask.filter(), rows).await?))
}

async fn describe() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}

fn rows(limit: Option<&str>) -> Result<u32, Error> {
    let Some(text) = limit else { return Ok(ROWS) };
    let rows = text.parse().ok().filter(|rows| (1..=EVENT_PAGE_MAX).contains(rows));
    rows.ok_or_else(|| Error::invalid("limit", &format!("must be a number from 1 to {EVENT_PAGE_MAX}")))
}

fn doc_of_page() -> Doc {
    let frame = json!({
        "type": "session_renamed", "threadId": "0199a213-81c0-7800-8aa1-bbab2a035a53", "seq": 42,
        "at": "2026-01-02T03:04:05Z", "payload": { "sessionId": "0199a213-81c0-7800-8aa1-bbab2a035a53", "title": "Tidy up" },
    });
    let example = json!({
        "data": [frame], "next": "01jz.42", "more": false, "oldest": 1, "head": 42, "epoch": "01jz",
    });
    Doc::new("listEvents", "stream", "Reads the log, oldest first, with the frames of the stream.")
        .says(
            "What leaves no row is not in it. A page looks at a bounded number of rows, so one may be empty while `more` is \
             true: go on with `next`. Without `after` it begins with the oldest row that is kept.",
        )
        .query::<Ask>()
        .query::<Limit>()
        .answer::<EventPage>(200, "A page of the log", example)
        .refuses(&[code::CURSOR_EXPIRED])
}

fn doc_of_document() -> Doc {
    Doc::new("getAsyncApi", "system", "Every kind of frame of the stream, as AsyncAPI 3.").answer::<Value>(
        200,
        "AsyncAPI 3",
        json!({ "asyncapi": "3.0.0" }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_within_its_bounds() {
        for (text, expected) in [(None, Some(ROWS)), (Some("1"), Some(1)), (Some("200"), Some(200))] {
            assert_eq!(rows(text).ok(), expected, "{text:?}");
        }
        for text in ["0", "201", "-1", "ten", ""] {
            assert!(rows(Some(text)).is_err(), "{text:?}");
        }
    }
}
