//! Refusals in the document.

use serde_json::{Value, json};
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::http::problem::address;
use crate::http::problem::status_of;
use crate::service::code::{self, Code};

/// A "no", after RFC 9457, with the members of older clients beside the standard ones. `issues`, ids and the like stand
/// beside them.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is described, and never made: the edge writes its members one by one")]
struct ProblemDetails {
    /// A reference that names the code.
    #[schema(rename = "type")]
    kind: String,
    /// The status in words.
    title: String,
    /// The coarse word that older clients match: `error`, `not_found`, `deleted`, ….
    status: String,
    /// The stable word for the case.
    code: String,
    /// One sentence that names the thing.
    message: String,
    /// The same.
    detail: String,
    /// The next step.
    hint: Option<String>,
    /// What the log calls this request.
    request_id: String,
}

const NAME: &str = "ProblemDetails";

pub(super) fn schemas() -> Vec<(String, RefOr<Schema>)> {
    vec![(NAME.to_owned(), ProblemDetails::schema())]
}

/// One refusal with each code. Operations refer to them: each code means the same wherever it is told.
pub(super) fn examples() -> impl Iterator<Item = (&'static str, Example)> {
    code::ALL.iter().map(|code| {
        let example = ExampleBuilder::new().summary(code.means).value(Some(example(code))).build();
        (code.word, example)
    })
}

/// What a response is called that says no to operations with these codes, and is nothing else.
pub(super) fn name(status: &str, codes: &[&'static Code]) -> String {
    let words: Vec<_> = codes.iter().map(|code| code.word).collect();
    format!("{status}.{}", words.join("."))
}

/// The response of one status, with every code that it may carry; beside what the operation itself answers with it.
pub(super) fn response(codes: &[&'static Code], told: Option<Response>) -> Response {
    let mut response = told.unwrap_or_else(|| Response::new(""));
    let words: Vec<_> = codes.iter().map(|code| format!("`{}`", code.word)).collect();
    let separator = if response.description.is_empty() { "" } else { " Or: " };
    response.description += &format!("{separator}{}", words.join(", "));
    let examples =
        codes.iter().map(|code| (code.word, RefOr::Ref(Ref::new(format!("#/components/examples/{}", code.word)))));
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(NAME))).examples_from_iter(examples).build();
    response.content.insert("application/problem+json".to_owned(), content.into());
    response
}

fn example(code: &Code) -> Value {
    json!({
        "type": address(code),
        "title": status_of(code.kinds[0]).canonical_reason(),
        "status": "error",
        "code": code.word,
        "message": code.means,
        "detail": code.means,
        "hint": code.then,
        "requestId": "req_0192f0c8a5b97c3e8d1f2a3b4c5d6e7f",
    })
}
