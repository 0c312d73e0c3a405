//! One operation of the document: what its route and its [`Doc`] say, and what every route of its kind may refuse with.

use std::collections::BTreeMap;

use axum::http::Method;
use codex_manager_model::Role;
use utoipa::openapi::path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, Response, ResponseBuilder};

use super::{BEARER, problem};
use crate::http::doc::Content;
use crate::http::problem::status_of;
use crate::http::{Access, Doc, Route};
use crate::service::code::{self, Code};

/// The header under which a client names a request, so that it is done once.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

pub(super) fn describe<S>(route: &Route<S>, doc: &Doc) -> Operation {
    let mut operation = OperationBuilder::new()
        .operation_id(Some(doc.id))
        .tag(doc.tag)
        .summary(Some(doc.summary))
        .description(doc.description)
        .parameters(Some(parameters(route, doc)))
        .request_body(doc.body.as_ref().map(body));
    operation = match route.access {
        Access::Open => operation.securities(Some([SecurityRequirement::default()])),
        Access::Role(role) => operation.security(SecurityRequirement::new(BEARER, [word(role)])),
    };
    for (status, response) in responses(route, doc) {
        operation = operation.response(status, response);
    }
    operation.build()
}

fn word(role: Role) -> String {
    serde_json::to_value(role).ok().and_then(|role| role.as_str().map(str::to_owned)).unwrap_or_default()
}

fn parameters<S>(route: &Route<S>, doc: &Doc) -> Vec<Parameter> {
    let mut parameters: Vec<Parameter> = names(route.path).map(in_path).collect();
    parameters.extend(doc.query.iter().cloned());
    if route.method == Method::POST {
        parameters.push(idempotency_key());
    }
    parameters
}

/// The names between braces.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split('}').next())
}

fn in_path(name: &str) -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).build();
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(text))
        .build()
}

fn idempotency_key() -> Parameter {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(KEY_CHARS_MAX))
        .pattern(Some("^[!-~]+$"))
        .build();
    ParameterBuilder::new()
        .name(IDEMPOTENCY_KEY)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Names this request: under one name it is done once, and its answer is kept for a day."))
        .schema(Some(text))
        .build()
}

/// The longest name of a request, in characters.
const KEY_CHARS_MAX: usize = 255;

fn body(content: &Content) -> RequestBody {
    let required = if content.required { Required::True } else { Required::False };
    RequestBodyBuilder::new().content(content.media, told(content)).required(Some(required)).build()
}

fn told(content: &Content) -> utoipa::openapi::Content {
    ContentBuilder::new().schema(Some(content.schema.clone())).example(Some(content.example.clone())).build()
}

/// What operations answer only when they refuse, by name. Operations refer to it: many refuse alike.
pub(super) fn refusals<S>(routes: &[Route<S>]) -> BTreeMap<String, Response> {
    let documented = routes.iter().filter_map(|route| Some((route, route.doc.as_ref()?)));
    let refused = documented.flat_map(|(route, doc)| {
        let answers = |status: &str| doc.answers.iter().any(|(own, ..)| own.to_string() == status);
        by_status(route, doc).into_iter().filter(move |(status, _)| !answers(status))
    });
    refused.map(|(status, codes)| (problem::name(&status, &codes), problem::response(&codes, None))).collect()
}

fn responses<S>(route: &Route<S>, doc: &Doc) -> BTreeMap<String, RefOr<Response>> {
    let mut responses = BTreeMap::new();
    for (status, says, content) in &doc.answers {
        let mut response = ResponseBuilder::new().description(*says);
        if let Some(content) = content {
            response = response.content(content.media, told(content));
        }
        responses.insert(status.to_string(), response.build());
    }
    let mut told = BTreeMap::new();
    for (status, codes) in by_status(route, doc) {
        // A status that the operation answers with itself keeps its answer, and the refusal is told beside it.
        let response = match responses.remove(&status) {
            Some(own) => RefOr::T(problem::response(&codes, Some(own))),
            None => RefOr::Ref(Ref::from_response_name(problem::name(&status, &codes))),
        };
        told.insert(status, response);
    }
    told.extend(responses.into_iter().map(|(status, own)| (status, RefOr::T(own))));
    told
}

fn by_status<S>(route: &Route<S>, doc: &Doc) -> BTreeMap<String, Vec<&'static Code>> {
    let mut statuses: BTreeMap<String, Vec<&'static Code>> = BTreeMap::new();
    for code in doc.refusals.iter().copied().chain(of_every_route(route, doc)) {
        for kind in code.kinds {
            let codes = statuses.entry(status_of(*kind).as_str().to_owned()).or_default();
            if !codes.iter().any(|known| known.word == code.word) {
                codes.push(code);
            }
        }
    }
    statuses
}

/// What a route may refuse with because of what it is, whatever it does.
fn of_every_route<S>(route: &Route<S>, doc: &Doc) -> Vec<&'static Code> {
    let mut codes = vec![
        code::HOST_NOT_ALLOWED,
        code::ORIGIN_NOT_ALLOWED,
        code::URI_TOO_LONG,
        code::HEAD_TOO_LARGE,
        code::INTERNAL_ERROR,
    ];
    if let Access::Role(role) = route.access {
        codes.extend([code::UNAUTHENTICATED, code::INVALID_ROLE_CLAIM, code::RATE_LIMITED]);
        if role > Role::Viewer {
            codes.push(code::INSUFFICIENT_ROLE);
        }
    }
    if !doc.query.is_empty() || route.path.contains('{') {
        codes.push(code::INVALID_REQUEST);
    }
    if route.method != Method::GET {
        codes.push(code::STORAGE_FULL);
    }
    if route.method == Method::POST {
        codes.extend([
            code::INVALID_REQUEST,
            code::BODY_TOO_LARGE,
            code::BODY_TOO_SLOW,
            code::UNSUPPORTED_MEDIA_TYPE,
            code::KEY_REUSED,
            code::KEY_IN_USE,
            code::OUTCOME_UNKNOWN,
        ]);
    }
    codes
}
