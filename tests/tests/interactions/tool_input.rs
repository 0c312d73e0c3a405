//! Questions to a person, of Codex and of MCP servers.

use codex_manager_tests::until;
use serde_json::json;

use super::{ELICITATION, INPUT};
use crate::offline::{Offline, real_codex};
use crate::stage::Stage;

#[tokio::test]
async fn answers_are_told_in_the_words_of_their_requests_and_kept_by_nobody() {
    let stage = Stage::ready([]).await;
    let blue = json!({"q": {"answers": ["blue"]}});
    let mut expected = Vec::new();
    for (request, answer, result) in [
        (INPUT, json!({"decision": "accept", "answers": blue}), json!({"answers": blue})),
        (INPUT, json!({"decision": "decline"}), json!({"answers": {}})),
        (INPUT, json!({"decision": "cancel", "answers": blue}), json!({"answers": {}})),
        (
            ELICITATION,
            json!({"decision": "accept", "content": {"name": "me"}}),
            json!({"action": "accept", "content": {"name": "me"}}),
        ),
        (ELICITATION, json!({"decision": "decline"}), json!({"action": "decline"})),
        (ELICITATION, json!({"decision": "cancel"}), json!({"action": "cancel"})),
        (
            ELICITATION,
            json!({"decision": "cancel", "response": {"action": "x", "_meta": 1}}),
            json!({"action": "x", "_meta": 1}),
        ),
    ] {
        let session = stage.session().await;
        let asked = stage.asked(&session, "tool-input", request).await;
        let id = asked["requestId"].as_str().unwrap();
        let done = stage.answer_to("tool-input", id, "decision", answer).await;
        assert_eq!(*done.expect(200), json!({"status": "ok", "requestId": id, "threadId": session}));
        expected.push(json!({"id": expected.len(), "result": result}));
    }
    stage.assert_replied(&expected).await;
    // What a person answered may be a secret.
    let inputs = stage.api.get("/api/tool-input?state=all").await;
    assert!(!inputs.expect(200).to_string().contains("blue"), "{}", inputs.body);
}

#[tokio::test]
async fn what_a_question_asks_is_read_for_the_client() {
    let stage = Stage::ready([]).await;
    let session = stage.session().await;
    let input = stage.asked(&session, "tool-input", INPUT).await;
    let question = json!({"id": "q", "header": "Pick", "question": "Which colour?", "options": null, "isOther": false,
                          "isSecret": true});
    assert_eq!((&input["questions"], &input["summary"]), (&json!([question]), &json!("Which colour?")));
}

#[tokio::test]
async fn a_question_of_codex_is_answered_or_not() {
    let offline = Offline::start(&real_codex!()).await;
    let session = offline.session("never", "read-only").await;
    for (answer, told) in [
        (json!({"decision": "accept", "answers": {"colour": {"answers": ["blue"]}}}), Some("blue")),
        (json!({"decision": "decline"}), None),
    ] {
        let turn = offline.api.say(&session, "::ask Which colour?").await;
        let path = format!("/api/sessions/{session}/tool-input");
        let first = async || offline.api.get(&path).await.expect(200)["data"].get(0).cloned();
        let asked = until("a question", first).await;
        assert_eq!(
            (&asked["questions"][0]["question"], &asked["questions"][0]["options"][1]["label"]),
            (&json!("Which colour?"), &json!("blue"))
        );
        let id = asked["requestId"].as_str().unwrap();
        assert!(id.starts_with("inp_"), "{id}");
        offline.api.post(&format!("/api/tool-input/{id}/decision"), answer).await.expect(200);
        let (_, said) = offline.until_end(&turn).await;
        assert!(said.starts_with("tool said: ") && told.is_none_or(|told| said.contains(told)), "{said}");
        assert!(!said.contains("invalid"), "what was sent is what Codex takes: {said}");
    }
}
