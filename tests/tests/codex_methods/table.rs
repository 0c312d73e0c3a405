//! Every method that the real Codex knows, against every role: what is passed on as it is, and what never is.

use std::collections::BTreeMap;
use std::process::Command;

use codex_manager_tests::Api;
use serde_json::{Value, json};

use crate::offline::{Offline, real_codex};

/// What may be called as it is, by method: the least role, or `-`.
const TABLE: &str = include_str!("methods.txt");

/// A token of that role.
pub(crate) async fn bearer(api: &Api, role: &str) -> String {
    let made = api.post("/api/tokens", json!({"role": role, "name": role})).await;
    made.expect(200)["secret"].as_str().unwrap().to_owned()
}

/// Every method of a client, as Codex's own document has them.
fn methods(codex: &std::path::Path) -> Vec<String> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let arguments = ["app-server", "generate-json-schema", "--experimental", "--out"];
    let made =
        Command::new(codex).args(arguments).arg(folder.path()).env("CODEX_HOME", folder.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let text = std::fs::read(folder.path().join("ClientRequest.json")).unwrap();
    let schema: Value = serde_json::from_slice(&text).unwrap();
    let variants = schema["oneOf"].as_array().unwrap().iter();
    variants.map(|variant| variant["properties"]["method"]["enum"][0].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_method_of_codex_is_for_whom_the_table_says_and_unknown_ones_for_nobody() {
    let codex = real_codex!();
    let table: BTreeMap<&str, &str> = TABLE.lines().filter_map(|line| line.split_once(' ')).collect();
    let methods = methods(&codex);
    let missing: Vec<_> = methods.iter().filter(|method| !table.contains_key(method.as_str())).collect();
    assert!(missing.is_empty(), "decide about them in methods.txt: {missing:?}");

    let offline = Offline::start(&codex).await;
    let (viewer, operator) = (bearer(&offline.api, "viewer").await, bearer(&offline.api, "operator").await);
    let unknown = ["", "no/such", "fs/readFile ", "FS/readFile", "command/exec\0"].map(str::to_owned);
    for method in methods.iter().chain(&unknown) {
        let body = json!({"method": method, "params": {}});
        for bearer in [&viewer, &operator] {
            let refused = offline.api.with_bearer(bearer).post("/api/codex/call", body.clone()).await;
            assert_eq!((refused.status, refused.code()), (403, "insufficient_role"), "{method}");
        }
        let answer = offline.api.post("/api/codex/call", body).await;
        let listed = table.get(method.as_str()) == Some(&"admin");
        assert_eq!(answer.code() == "method_not_listed", !listed, "{method}: {} {}", answer.status, answer.body);
        assert_eq!(answer.status == 403, !listed, "{method}: {}", answer.body);
    }
}
