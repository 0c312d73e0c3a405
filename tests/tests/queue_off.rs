//! A daemon without a queue: what needs one says so, and what only speaks of it works.

use serde_json::{Value, json};

use crate::offline::{Offline, real_codex};
use crate::stage::{of_type, told};

fn path(session: &str, rest: &str) -> String {
    format!("/api/sessions/{session}/suggested-request{rest}")
}

#[tokio::test]
async fn case_60_without_a_queue_the_rest_works() {
    let offline = Offline::start(&real_codex!()).await;
    let api = &offline.api;
    assert_eq!(api.get("/api/health").await.expect(200)["orchestratorQueue"], json!({ "enabled": false }));
    let session = offline.session("never", "read-only").await;
    let mut answers = vec![
        api.get("/api/orchestrator/jobs/job_1").await,
        api.get("/api/projects/prj_1/orchestrator/jobs").await,
        api.get(&format!("/api/projects/session:{session}/orchestrator/jobs?state=queued")).await,
        api.post("/api/orchestrator/jobs/job_1/cancel", json!({})).await,
    ];
    for (rest, body) in [("/jobs", json!({})), ("", json!({ "draft": "Go", "effort": "low", "model": "gpt-5.5" }))] {
        let answer = api.post(&path(&session, rest), body).await;
        assert_eq!(answer.body["sessionId"], session.as_str());
        answers.push(answer);
    }
    for answer in answers {
        let body = answer.expect(503);
        assert_eq!((&body["status"], &body["code"]), (&json!("error"), &json!("job_conflict")));
        assert_eq!(body["message"], "orchestrator queue is unavailable");
    }
    let log = std::fs::read_to_string(offline.home.log()).unwrap();
    let told = log.lines().filter(|line| line.contains("a request failed")).collect::<Vec<_>>();
    assert!(told.is_empty(), "that there is no queue is no fault: {told:#?}");
    api.get("/api/projects/prj_1/orchestrator/jobs?state=done").await.expect(400);
    assert!(offline.ask(&session, "good day").await.contains("good day"));
}

#[tokio::test]
async fn what_is_asked_of_no_session_or_badly_is_refused_before_the_queue_is_missed() {
    let offline = Offline::start(&real_codex!()).await;
    let api = &offline.api;
    let session = offline.session("never", "read-only").await;
    for rest in ["/jobs", "", "/upsert"] {
        assert_eq!(
            api.post(&path("nobody", rest), json!({ "effort": "much" })).await.expect(404)["status"],
            "not_found"
        );
    }
    for body in [json!({ "effort": "much" }), json!({ "draft": "" }), json!({ "draft": "x".repeat(4001) })] {
        for rest in ["/jobs", ""] {
            assert_eq!(api.post(&path(&session, rest), body.clone()).await.expect(400)["code"], "invalid_request");
        }
    }
}

#[tokio::test]
async fn a_suggestion_that_has_ended_does_not_begin_again() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("never", "read-only").await;
    let mut kept = Value::Null;
    for (body, status, text) in [
        (json!({ "status": "streaming" }), "streaming", None),
        (json!({ "status": "streaming", "suggestion": "Add" }), "streaming", Some("Add")),
        (json!({ "status": "complete", "suggestion": "Add a test." }), "complete", Some("Add a test.")),
        (json!({ "status": "streaming", "suggestion": "Add a" }), "complete", Some("Add a test.")),
    ] {
        let mut body = body;
        body["requestKey"] = json!("r1");
        kept = offline.api.post(&path(&session, "/upsert"), body).await.expect(200).clone();
        assert_eq!((&kept["sessionId"], &kept["requestKey"]), (&json!(session), &json!("r1")));
        let entry = &kept["entry"];
        assert_eq!((&entry["status"], entry["suggestion"].as_str(), entry.get("error")), (&json!(status), text, None));
    }
    let offline = offline.restart().await;
    let api = &offline.api;
    let late = json!({ "requestKey": "r1", "status": "streaming" });
    assert_eq!(api.post(&path(&session, "/upsert"), late).await.expect(200), &kept, "also after a restart");
    let other = json!({ "requestKey": "r2", "status": "error", "error": "no model" });
    let other = api.post(&path(&session, "/upsert"), other).await;
    assert_eq!(
        (&other.expect(200)["entry"]["error"], other.body["entry"].get("suggestion")),
        (&json!("no model"), None)
    );

    let frames = told(api, "the other", |frame| {
        frame["type"] == "suggested_request_updated" && frame["payload"]["requestKey"] == "r2"
    });
    let frames = frames.await;
    let told = of_type(&frames, "suggested_request_updated");
    assert_eq!(told.len(), 4, "what changed nothing is not told");
    let complete =
        json!({ "sessionId": session, "requestKey": "r1", "status": "complete", "suggestion": "Add a test." });
    assert_eq!(told[2]["payload"], complete);
}

#[tokio::test]
async fn case_63_a_suggestion_is_whole() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("never", "read-only").await;
    for suggestion in [None, Some("  ")] {
        let empty = json!({ "requestKey": "r1", "status": "complete", "suggestion": suggestion });
        let refused = offline.api.post(&path(&session, "/upsert"), empty).await;
        assert_eq!(
            (refused.expect(400)["status"].as_str(), refused.code()),
            (Some("invalid_request"), "missing_suggestion")
        );
        assert_eq!(refused.body["message"], "suggestion is required when status is complete");
    }
    for (body, member) in [
        (json!({ "status": "streaming" }), "requestKey"),
        (json!({ "requestKey": "r1" }), "status"),
        (json!({ "requestKey": "", "status": "streaming" }), "requestKey"),
        (json!({ "requestKey": "r1", "status": "done" }), "status"),
        (json!({ "requestKey": "r1", "status": "complete", "suggestion": "x".repeat(8001) }), "suggestion"),
        (json!({ "requestKey": "r1", "status": "error", "error": "x".repeat(4001) }), "error"),
    ] {
        let refused = offline.api.post(&path(&session, "/upsert"), body.clone()).await;
        assert_eq!(refused.expect(400)["issues"][0]["path"], json!([member]), "{body}");
    }
}
