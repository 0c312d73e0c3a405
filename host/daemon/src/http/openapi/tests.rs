//! The document is whole, and is the file that is served.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use super::*;

/// Set to have the file written anew.
const WRITE: &str = "CODEX_MANAGER_WRITE_DOCUMENTS";

fn told() -> Value {
    json!(document(&crate::http::routes()))
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("methods");
            methods.iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
        })
        .collect()
}

/// What a part of the document refers to, or itself.
fn followed<'a>(document: &'a Value, part: &'a Value) -> &'a Value {
    let reference = part["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    reference.map_or(part, |reference| document.pointer(reference).expect("it leads somewhere"))
}

#[test]
fn the_file_that_is_served_is_what_the_table_comes_to() {
    let text = format!("{}\n", document(&crate::http::routes()).to_pretty_json().unwrap());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(
        written == text,
        "openapi.json is not what the routes come to; run this test with {WRITE}=1 and look at it"
    );
}

#[test]
fn every_route_is_told_whole() {
    for route in crate::http::routes() {
        assert!(route.doc.is_some(), "{} {} is not in the document", route.method, route.path);
    }
    let document = told();
    let mut ids = HashSet::new();
    for (name, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{name}: another operation is called {id}");
        assert!(operation["security"].is_array(), "{name} says who may");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with(['1', '2'])), "{name} says what it answers");
        assert!(responses.keys().any(|status| status.starts_with(['4', '5'])), "{name} says what it refuses");
        for (status, response) in responses {
            let response = followed(&document, response);
            for (media, content) in response["content"].as_object().into_iter().flatten() {
                let shown = content.get("example").is_some() || content.get("examples").is_some();
                assert!(shown, "{name} {status} {media} has an example");
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = told();
    let text = document.to_string();
    let references: Vec<_> = text.split("\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for kind in ["schemas", "responses", "examples"] {
        assert!(references.iter().any(|reference| reference.starts_with(&format!("/components/{kind}/"))), "{kind}");
    }
    for reference in references {
        assert!(document.pointer(reference).is_some(), "there is no {reference}");
    }
}

#[test]
fn what_several_operations_refuse_alike_is_told_once() {
    let document = told();
    let mut seen = HashSet::new();
    for (name, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let refuses =
                response["content"].as_object().is_some_and(|content| content.keys().eq(["application/problem+json"]));
            assert!(!refuses || seen.insert(response.to_string()), "{name} repeats what it answers with {status}");
        }
    }
}

#[test]
fn what_a_query_may_say_is_told_where_it_stands() {
    let document = told();
    let words = |id: &str, name: &str| {
        let (_, operation) = operations(&document).into_iter().find(|(_, told)| told["operationId"] == id).unwrap();
        let parameters = operation["parameters"].as_array().unwrap();
        let parameter = parameters.iter().find(|parameter| parameter["name"] == name).unwrap();
        parameter["schema"]["enum"].clone()
    };
    for id in ["getSessionSettings", "deleteSessionSetting"] {
        assert_eq!(words(id, "scope"), json!(["session", "default"]), "{id}");
    }
    assert_eq!(words("listApprovals", "state"), json!(["pending", "in_flight", "resolved", "expired", "all"]));
}

#[test]
fn what_clients_were_promised_is_there() {
    let document = told();
    let promises = include_str!("promised.txt").lines().filter(|line| !line.starts_with('#'));
    let broken: Vec<String> = promises.filter_map(|promise| broken(&document, promise)).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

/// What of a promise is not kept.
fn broken(document: &Value, promise: &str) -> Option<String> {
    let (promise, query) = promise.split_once(" ? ").unwrap_or((promise, ""));
    let mut words = promise.split(' ');
    let (method, path, id) = (words.next()?.to_lowercase(), words.next()?, words.next()?);
    let operation = &document["paths"][path][&method];
    if operation["operationId"] != id {
        return Some(format!("{method} {path} is {} and not {id}", operation["operationId"]));
    }
    let missing: Vec<_> = words.filter(|status| operation["responses"].get(status).is_none()).collect();
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let known = |name: &&str| parameters.iter().any(|told| told["in"] == "query" && told["name"] == **name);
    let unknown: Vec<_> = query.split(' ').filter(|name| !name.is_empty() && !known(name)).collect();
    let kept = missing.is_empty() && unknown.is_empty();
    (!kept).then(|| format!("{id} lacks the statuses {missing:?} and takes no {unknown:?}"))
}
