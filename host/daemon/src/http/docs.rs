//! `/docs`: the document of the API to read and to try, in a browser.
//!
//! The page itself can be had without a token, because a browser that opens an address sends none: it is the same for
//! every daemon, and holds nothing of this one. It asks for a token, and sends it with all that it then asks for, the
//! document first. Everything it is made of comes from here; its policy forbids it to ask anybody else.

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use swagger_ui_dist::{ApiDefinition, OpenApiSource};
use tower::ServiceExt;

use super::table::no_route;
use super::{Access, Doc, Path, Problem, Route};

const PAGE: &str = include_str!("docs/page.html");
const START: &str = include_str!("docs/start.js");
const STYLE: &str = include_str!("docs/style.css");

/// Only what comes from here; inline styles and drawn pictures are what the library makes of itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The files of the library that the page names.
const LIBRARY: [&str; 2] = ["swagger-ui.css", "swagger-ui-bundle.js"];

pub(super) fn routes() -> Vec<Route> {
    let page = Doc::new("getDocs", "system", "The document of the API, to read and to try in a browser.")
        .answer_as::<String>(
            200,
            "A page that asks for a token, and nobody else for anything.",
            "text/html",
            json!("<!doctype html>"),
        );
    let file = Doc::new("getDocsFile", "system", "A file of the page at `/docs`.")
        .answer_as::<String>(200, "A script.", "text/javascript", json!("…"))
        .refuses(&[crate::service::code::ROUTE_NOT_FOUND]);
    vec![
        Route::get("/docs", Access::Open, page_of_docs).doc(page),
        Route::get("/docs/{file}", Access::Open, file_of_docs).doc(file),
    ]
}

async fn page_of_docs() -> impl IntoResponse {
    own("text/html; charset=utf-8", PAGE)
}

async fn file_of_docs(Path(name): Path<String>, request: Request) -> Result<Response, Problem> {
    match name.as_str() {
        "start.js" => Ok(own("text/javascript; charset=utf-8", START).into_response()),
        "style.css" => Ok(own("text/css; charset=utf-8", STYLE).into_response()),
        name if LIBRARY.contains(&name) => Ok(of_library(request).await),
        _ => Err(no_route(request.method(), request.uri())),
    }
}

fn own(kind: &'static str, text: &'static str) -> impl IntoResponse + use<> {
    ([(CONTENT_TYPE, kind), (CONTENT_SECURITY_POLICY, POLICY), (CACHE_CONTROL, "no-store")], text)
}

/// The library brings its files as routes.
async fn of_library(request: Request) -> Response {
    let definition = ApiDefinition {
        uri_prefix: "/docs",
        api_definition: OpenApiSource::Uri("/api/openapi.json"),
        title: None::<&str>,
    };
    let Ok(response) = swagger_ui_dist::generate_routes(definition).oneshot(request).await;
    response
}
