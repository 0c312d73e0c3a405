//! The API's document beside the table of commands: each operation has a command, or a reason to have none.

use std::collections::BTreeMap;

use serde_json::Value;

/// The document that the daemon serves.
const DOCUMENT: &str = include_str!("../../openapi.json");
/// The operations that the table cannot have, and why.
const NO_COMMAND: &str = include_str!("no_command.json");

#[test]
fn each_operation_has_a_command_or_a_reason_to_have_none() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let table: Vec<(String, String, Value)> = serde_json::from_str(super::EACH_COMMAND).unwrap();
    let mut reasons: BTreeMap<String, String> = serde_json::from_str(NO_COMMAND).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let line = table.iter().find(|(_, route, _)| is_of(route, method, path));
            match (line, reasons.remove(id)) {
                (Some((line, ..)), Some(_)) => panic!("{id} has a command and a reason to have none: {line}"),
                (None, None) => panic!("{id} ({method} {path}) has neither a command nor a reason to have none"),
                _ => {}
            }
        }
    }
    assert!(reasons.is_empty(), "these are no operations: {reasons:?}");
}

/// Whether a request such as `GET /api/sessions/s1?a=b` is of this method and path, whose ids have names in braces.
fn is_of(route: &str, method: &str, path: &str) -> bool {
    let (asked, target) = route.split_once(' ').unwrap();
    let target: Vec<_> = target.split('?').next().unwrap().split('/').collect();
    let path: Vec<_> = path.split('/').collect();
    let is_same = |(said, named): (&&str, &&str)| said == named || named.starts_with('{');
    asked.eq_ignore_ascii_case(method) && target.len() == path.len() && target.iter().zip(&path).all(is_same)
}
