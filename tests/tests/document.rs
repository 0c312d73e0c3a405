//! The document of the API is true: whatever is made up from it is answered as it says, with a token and without one.

use std::collections::HashSet;
use std::path::Path;

use codex_manager_tests::{Fuzz, skip};
use serde_json::{Value, json};

use crate::stage::Stage;

/// Where the tool's pins and settings lie.
const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz");

/// How it is run: by one worker, because the tool's own threads now and then get in each other's way. The same seed makes
/// up the same requests. An answer that never ends is no answer to judge.
const OPTIONS: [&str; 8] = [
    "--checks",
    "all",
    "--seed",
    "1",
    "--max-examples",
    "20",
    "--continue-on-failure",
    "--exclude-operation-id=connectEventStream",
];

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
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    let turn = stage.api.say(&session, "good day").await;
    stage.until_end(&turn).await;
    let (project, emptied) = (project(&stage, "Kept").await, project(&stage, "Emptied").await);
    let doomed = stage.session().await;
    let document = stage.api.get("/api/openapi.json").await.expect(200).clone();
    let kept = session.clone();
    let (api, folder) = (stage.api.clone(), stage.home.path().join("fuzz"));
    std::fs::create_dir(&folder).unwrap();
    let judged = tokio::task::spawn_blocking(move || {
        let bearer = with_token.then(|| api.bearer().to_owned());
        let known = [("sessions", &*session), ("doomed", &*doomed), ("projects", &*project), ("emptied", &*emptied)];
        fuzz.run(&api, &document, bearer.as_deref(), &known, &folder, &OPTIONS)
    });
    let output = judged.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{said}");
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    // The token still holds, and what most of it was about is there: it was not all refused at the door.
    stage.api.get(&format!("/api/sessions/{kept}")).await.expect(200);
    // The daemon is well after all of it.
    let health: Value = stage.api.get("/api/health").await.expect(200).clone();
    assert_eq!(health["codex"]["state"], "ready", "{health}");
}

/// Makes a project.
async fn project(stage: &Stage, name: &str) -> String {
    let made = stage.api.post("/api/projects", json!({ "name": name })).await;
    made.expect(200)["project"]["projectId"].as_str().unwrap().to_owned()
}
