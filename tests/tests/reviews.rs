//! What is gathered for whoever reviews changes: that one waits for approval, and that a turn is over in which one did.

use serde_json::{Value, json};

use crate::offline::{Offline, real_codex};
use crate::stage::of_type;

/// Sends a message that changes a file, says yes, and gives all that the stream has ever said up to the turn's end.
async fn change(offline: &Offline, session: &str, file: &str) -> (String, Vec<Value>) {
    let turn = offline.api.say(session, &format!("::patch {file} some words")).await;
    let approval = offline.api.until_asked(session).await;
    offline.api.decide(&approval, "accept").await.expect(200);
    let (frames, _) = offline.until_end(&turn).await;
    (approval, frames)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_a_project_is_told_with_all_that_a_reviewer_needs() {
    let offline = Offline::start(&real_codex!()).await;
    let made = offline.api.post("/api/projects", json!({"name": "garden"})).await;
    let project = made.expect(200)["project"]["projectId"].clone();
    let inside = offline.session("untrusted", "workspace-write").await;
    let outside = offline.session("untrusted", "workspace-write").await;
    let assigned = offline.api.post(&format!("/api/sessions/{inside}/project"), json!({"projectId": project})).await;
    assigned.expect(200);

    change(&offline, &outside, "outside.txt").await;
    offline.ask(&inside, "good day").await;
    let (approval, frames) = change(&offline, &inside, "inside.txt").await;
    let asked = of_type(&frames, "file_change.approval_requested");
    assert_eq!(asked.len(), 1, "{asked:?}");
    let (asked, context) = (&asked[0]["payload"], &asked[0]["payload"]["context"]);
    assert_eq!((&context["projectId"], &context["approvalId"]), (&project, &json!(approval)));
    assert_eq!((&context["sourceSessionId"], &context["threadId"]), (&json!(inside), &json!(inside)));
    assert_eq!(
        (&context["userRequest"], &context["anchorItemId"]),
        (&json!("::patch inside.txt some words"), &context["itemId"])
    );
    assert!(context["turnTranscript"].as_str().unwrap().starts_with("user: ::patch inside.txt"), "{context}");
    assert!(!context.to_string().contains("good day"), "an earlier turn is not this one: {context}");
    let details: Value = serde_json::from_str(asked["details"].as_str().unwrap()).unwrap();
    assert!(details["changes"][0]["diff"].as_str().unwrap().contains("some words"), "{details}");
    assert_eq!(asked["fileChangeStatus"], "pending_approval");

    // The turn's end is committed with the row that tells it, so it is right behind that.
    let turn = offline.api.say(&inside, "good night").await;
    let (frames, _) = offline.until_end(&turn).await;
    let ended = of_type(&frames, "turn.completed");
    assert_eq!(ended.len(), 1, "{ended:?}");
    let ended = &ended[0]["payload"];
    assert_eq!((&ended["hadFileChangeRequests"], &ended["fileChangeRequestCount"]), (&json!(true), &json!(1)));
    assert_eq!(ended["context"]["userRequest"], "::patch inside.txt some words");
    assert!(ended["turnTranscriptSnapshot"].as_str().unwrap().contains("fileChange: "), "{ended}");
}
