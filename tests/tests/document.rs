//! The document of the API is true: whatever is made up from it is answered as it says, with a token and without one.

use std::collections::HashSet;
use std::path::Path;

use codex_manager_tests::{Fuzz, Home, skip};
use serde_json::{Value, json};

use crate::extensions_api::{GOOD, drop_guard};
use crate::interactions::{CALL, ELICITATION, INPUT, OFFERS, PERMISSIONS};
use crate::stage::Stage;

/// Where the tool's pins and settings lie.
const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz");

/// How it is run: by one worker, because the tool's own threads now and then get in each other's way. An answer that never
/// ends is no answer to judge.
const OPTIONS: [&str; 6] =
    ["--checks", "all", "--max-examples", "20", "--continue-on-failure", "--exclude-operation-id=connectEventStream"];

/// What requests are made up from: the same seed makes up the same.
const SEED: (&str, &str) = ("CODEX_MANAGER_FUZZ_SEED", "1");

/// What waits for an answer, by the dictionary that has its ids: where it is listed, what names it, and what is asked.
const WAITING: [(&str, &str, &str, [&str; 2]); 3] = [
    ("approvals", "approvals", "approvalId", [OFFERS, PERMISSIONS]),
    ("inputs", "tool-input", "requestId", [INPUT, ELICITATION]),
    ("calls", "tool-calls", "requestId", [CALL, CALL]),
];

/// How often each of them is asked: an answer ends it.
const TIMES: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_up_with_a_token_is_answered_as_the_document_says() {
    judge(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_up_without_a_token_is_answered_as_the_document_says() {
    judge(false).await;
}

/// The served document, and the file in the project, are one; each operation has a name that no other has.
#[tokio::test]
async fn case_62_every_operation_has_a_name_of_its_own() {
    let stage = Stage::start([]).await;
    let served = stage.api.get("/api/openapi.json").await.expect(200).clone();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/daemon/openapi.json");
    let file: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert!(served == file, "what is served is not what is checked in");
    let mut names = HashSet::new();
    for operation in served["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values()) {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name), "two operations are called {name}");
    }
    assert!(names.len() > 71, "{}", names.len());
}

async fn judge(with_token: bool) {
    let fuzz = match Fuzz::in_folder(Path::new(FUZZ)) {
        Ok(fuzz) => fuzz,
        Err(why) => skip!(why),
    };
    let home = Home::new(env!("CARGO_TARGET_TMPDIR"));
    drop_guard(&home, GOOD);
    let stage = Stage::start_on(home).await;
    stage.api.until_codex_is("ready").await;
    let known = known(&stage).await;
    let kept = known[0].1[0].clone();
    let document = stage.api.get("/api/openapi.json").await.expect(200).clone();
    let (api, folder) = (stage.api.clone(), stage.home.path().join("fuzz"));
    std::fs::create_dir(&folder).unwrap();
    let seed = std::env::var(SEED.0).unwrap_or_else(|_| SEED.1.to_owned());
    let judged = tokio::task::spawn_blocking(move || {
        let bearer = with_token.then(|| api.bearer().to_owned());
        let known: Vec<_> = known.iter().map(|(name, values)| (*name, values.as_slice())).collect();
        let options = [&OPTIONS[..], &["--seed", &seed]].concat();
        fuzz.run(&api, &document, bearer.as_deref(), &known, &folder, &options)
    });
    let output = judged.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{said}");
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    // The token still holds, and what most of it was about is there: it was not all refused at the door.
    stage.api.get(&format!("/api/sessions/{kept}")).await.expect(200);
    for (_, noun, _, asked) in WAITING {
        let count = async |state| {
            stage.api.get(&format!("/api/{noun}?state={state}")).await.expect(200)["data"].as_array().unwrap().len()
        };
        let (answered, waiting) = (count("resolved").await, count("pending").await);
        let untouched = answered == 0 && waiting == TIMES * asked.len();
        assert_eq!((answered > 0, untouched), (with_token, !with_token), "{noun}: {answered} answered, {waiting} wait");
    }
    // The daemon is well after all of it.
    let health: Value = stage.api.get("/api/health").await.expect(200).clone();
    assert_eq!(health["codex"]["state"], "ready", "{health}");
}

/// Makes what requests can be about, and gives the ids of it by the name of their dictionary. What they are about most is
/// the session that comes first.
async fn known(stage: &Stage) -> Vec<(&'static str, Vec<String>)> {
    let (session, doomed) = (stage.session().await, stage.session().await);
    stage.turn(&session, "good day").await;
    let mut known = vec![("sessions", vec![session]), ("doomed", vec![doomed])];
    for (name, project) in [("projects", "Kept"), ("emptied", "Emptied")] {
        let made = stage.api.post("/api/projects", json!({ "name": project })).await;
        known.push((name, vec![made.expect(200)["project"]["projectId"].as_str().unwrap().to_owned()]));
    }
    for (name, noun, member, requests) in WAITING {
        let mut ids = Vec::new();
        for request in requests.repeat(TIMES) {
            let asked = stage.asked(&stage.session().await, noun, request).await;
            ids.push(asked[member].as_str().unwrap().to_owned());
        }
        known.push((name, ids));
    }
    let guard = "/api/agents/extensions/acme.guard";
    let digest = stage.api.get(guard).await.expect(200)["extension"]["waiting"]["digest"].clone();
    stage.api.post(&format!("{guard}/approve"), json!({ "digest": digest })).await.expect(200);
    known.push(("extensions", vec!["acme.guard".to_owned()]));
    known.push(("digests", vec![digest.as_str().unwrap().to_owned()]));
    known
}
