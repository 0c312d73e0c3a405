//! The document of the API, OpenAPI 3.1, made from the table of routes.
//!
//! What is served is the file `openapi.json` beside the crate's manifest, which a test holds to be what the table comes
//! to: so everybody can read it without a daemon, a change of the API shows in a review, and it costs nothing at run
//! time.

mod operation;
mod problem;

use std::collections::BTreeMap;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use codex_manager_model::Role;
use serde_json::json;
use utoipa::openapi::path::{HttpMethod, Paths, PathsBuilder};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, RefOr, Schema};

use super::{Access, Doc, Route};

/// The document as it is served.
const TEXT: &str = include_str!("../../openapi.json");

/// What a bearer token is called in the document.
const BEARER: &str = "bearer";

pub(super) fn routes() -> Vec<Route> {
    let doc = Doc::new("getOpenApi", "system", "This document.").answer::<serde_json::Value>(
        200,
        "OpenAPI 3.1",
        json!({ "openapi": "3.1.0" }),
    );
    vec![Route::get("/api/openapi.json", Access::Role(Role::Viewer), serve).doc(doc)]
}

async fn serve() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], TEXT)
}

/// What the table comes to.
///
/// # Panics
/// When two schemas that are not the same have one name.
#[cfg_attr(not(test), expect(dead_code, reason = "the file that is served is written and held by tests"))]
pub(crate) fn document<S>(routes: &[Route<S>]) -> OpenApi {
    let about =
        InfoBuilder::new().title("Codex Manager").version(env!("CARGO_PKG_VERSION")).description(Some(ABOUT)).build();
    let mut components = ComponentsBuilder::new().security_scheme(BEARER, bearer());
    for (name, schema) in schemas(routes) {
        components = components.schema(name, schema);
    }
    for (word, example) in problem::examples() {
        components = components.example(word, example);
    }
    for (name, response) in operation::refusals(routes) {
        components = components.response(name, response);
    }
    OpenApiBuilder::new().info(about).paths(paths(routes)).components(Some(components.build())).build()
}

const ABOUT: &str = "A local-first control plane for Codex. Sessions are Codex threads. Whatever is acknowledged is \
recorded; whatever is refused says so in `application/problem+json`, with a `code` that `codex-manager explain` explains. What \
a body has beyond the members that its schema names is ignored, unless the schema says that there are no others.";

fn bearer() -> SecurityScheme {
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.description = Some("A token of this daemon; the file `token` in its data folder holds one.".to_owned());
    SecurityScheme::Http(scheme)
}

fn paths<S>(routes: &[Route<S>]) -> Paths {
    let mut paths = PathsBuilder::new().build();
    for route in routes {
        let Some(doc) = &route.doc else { continue };
        let method = if route.method == "GET" {
            HttpMethod::Get
        } else if route.method == "POST" {
            HttpMethod::Post
        } else {
            HttpMethod::Delete
        };
        paths.add_path_operation(route.path, vec![method], operation::describe(route, doc));
    }
    paths
}

fn schemas<S>(routes: &[Route<S>]) -> BTreeMap<String, RefOr<Schema>> {
    let told = routes.iter().filter_map(|route| route.doc.as_ref()).flat_map(|doc| doc.schemas.iter().cloned());
    let mut schemas: BTreeMap<String, RefOr<Schema>> = BTreeMap::new();
    for (name, schema) in told.chain(problem::schemas()) {
        let known = schemas.entry(name.clone()).or_insert_with(|| schema.clone());
        assert!(json!(known) == json!(schema), "two schemas are called {name}");
    }
    schemas
}

#[cfg(test)]
mod tests;
